-- Attention: what waits for a person, and how a person settles it.
CREATE VIEW queue AS
SELECT w.title, w.sync_state, w.source_work_order_id, w.last_error, q.operation, q.state, q.attempts, q.source_record_id
FROM cmms.work_order w LEFT JOIN cmms.outbox q ON q.tenant_id = w.tenant_id AND q.record_id = w.common_work_order_id;
CREATE FUNCTION outbox_id(title text) RETURNS bigint STABLE LANGUAGE sql AS $$
  SELECT q.outbox_id FROM cmms.outbox q JOIN cmms.work_order w ON w.common_work_order_id = q.record_id WHERE w.title = outbox_id.title
$$;
CREATE FUNCTION make_doubtful(titles text[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO cmms.work_order (provider_id, title) SELECT 'plant_a', unnest(titles);
  UPDATE cmms.outbox SET state = 'in_doubt', attempts = 1, claimed_change_seq = change_seq, in_doubt_since = now(), next_attempt_at = 'infinity',
    last_error = 'no answer';
  UPDATE cmms.work_order SET sync_state = 'in_doubt', last_error = 'no answer';
$$;

-- Settled: the provider has A and B under these ids; B was changed meanwhile. C and D never arrived.
BEGIN;
SELECT make_doubtful(ARRAY['A', 'B', 'C', 'D']);
UPDATE cmms.work_order SET description = 'later' WHERE title IN ('B', 'D');
SELECT n.reason, n.title, n.detail, n.since = now() AS since, n.outbox_id = outbox_id(n.title) AS has_number,
       n.action = format('cmms.settle(%1$s, ''exists'', ''<id at the provider>'') or cmms.settle(%1$s, ''missing'')', n.outbox_id) AS says_what
FROM cmms.needs_attention n ORDER BY n.title;
SELECT cmms.settle(outbox_id('A'), 'exists', '4711'), cmms.settle(outbox_id('B'), 'exists', '4712', 'found by hand'),
       cmms.settle(outbox_id('C'), 'missing'), cmms.settle(outbox_id('D'), 'missing');
SELECT * FROM queue ORDER BY title;
SELECT count(*) FROM cmms.outbox WHERE next_attempt_at > now() OR in_doubt_since IS NOT NULL OR claimed_change_seq IS NOT NULL;
SELECT count(*) FROM cmms.needs_attention;
SELECT a.action, w.title, a.detail - 'common_work_order_id' AS detail FROM cmms.audit_log a
JOIN cmms.work_order w ON w.common_work_order_id = (a.detail ->> 'common_work_order_id')::uuid ORDER BY a.audit_log_id;
SELECT e.event_type, w.title, e.detail FROM cmms.event e JOIN cmms.work_order w ON w.common_work_order_id = e.record_id
WHERE e.event_type = 'sync.settled' ORDER BY e.event_id;
ROLLBACK;

-- Mode draft: what was approved goes again by itself, what was changed since then waits for a person.
BEGIN;
SELECT make_doubtful(ARRAY['A', 'B', 'C']);
INSERT INTO cmms.provider (provider_id, tenant_id, mode) VALUES ('plant_a', 'default', 'draft');
UPDATE cmms.work_order SET description = 'later' WHERE title IN ('B', 'C');
SELECT cmms.settle(outbox_id('A'), 'missing'), cmms.settle(outbox_id('B'), 'missing'), cmms.settle(outbox_id('C'), 'exists', '4713');
SELECT title, sync_state, source_work_order_id, operation, state FROM queue ORDER BY title;
ROLLBACK;

-- Accepted by a provider that did not say what it is called: waits for a person after a day, is not given up, and goes out again only when
-- a person says so.
BEGIN;
SELECT make_doubtful(ARRAY['A', 'B', 'C']);
UPDATE cmms.outbox q SET last_error = NULL, accepted_at = now() - CASE w.title WHEN 'A' THEN interval '23 hours' ELSE interval '25 hours' END
FROM cmms.work_order w WHERE w.common_work_order_id = q.record_id;
UPDATE cmms.work_order SET sync_state = 'pending', last_error = NULL;
SELECT n.reason, n.title, n.detail FROM cmms.needs_attention n ORDER BY n.title;
SELECT accepted, in_doubt, pending FROM cmms.sync_health WHERE provider_id = 'plant_a';
SELECT common_work_order_id AS id FROM cmms.work_order WHERE title = 'B' \gset
SELECT state, message = 'whether the provider has work order ' || :'id' || ' is unknown' AS named
FROM raised(format('SELECT cmms.discard(%L, ''x'')', :'id'));
SELECT state FROM raised('DELETE FROM cmms.work_order WHERE title = ''B''');
SELECT cmms.retry(common_work_order_id) FROM cmms.work_order WHERE title = 'A';
SELECT title, sync_state, operation, state FROM queue ORDER BY title;
SELECT cmms.settle(outbox_id('B'), 'exists', '4714'), cmms.settle(outbox_id('C'), 'missing');
SELECT title, sync_state, source_work_order_id, operation, state FROM queue ORDER BY title;
SELECT count(*) FROM cmms.outbox WHERE accepted_at IS NOT NULL;
ROLLBACK;

-- Refused, with nothing changed.
BEGIN;
SELECT make_doubtful(ARRAY['A', 'B']);
INSERT INTO cmms.work_order (provider_id, title, source_work_order_id) VALUES ('plant_a', 'C', '4711');
SELECT * FROM raised(format('SELECT cmms.settle(%s, ''gone'')', outbox_id('A')));
SELECT * FROM raised(format('SELECT cmms.settle(%s, NULL)', outbox_id('A')));
SELECT * FROM raised(format('SELECT cmms.settle(%s, ''exists'')', outbox_id('A')));
SELECT * FROM raised(format('SELECT cmms.settle(%s, ''exists'', '' '')', outbox_id('A')));
SELECT * FROM raised(format('SELECT cmms.settle(%s, ''missing'', ''1'')', outbox_id('A')));
SELECT state, message ~ '^work order [-0-9a-f]{36} has id "4711" at provider "plant_a" already$' AS named, hint
FROM raised(format('SELECT cmms.settle(%s, ''exists'', ''4711'')', outbox_id('A')));
SELECT state, message ~ 'row \d+ of the outbox is not in doubt' AS named, detail, hint FROM raised(format('SELECT cmms.settle(%s, ''missing'')', outbox_id('C')));
SELECT * FROM raised('SELECT cmms.settle(0, ''missing'')');
SELECT * FROM raised('SELECT cmms.settle(NULL, ''missing'')');
SELECT * FROM queue ORDER BY title;
-- It is the same work as C: this one goes, and nothing is sent.
SELECT cmms.settle(outbox_id('A'), 'missing');
DELETE FROM cmms.work_order WHERE title = 'A';
SELECT title, state FROM queue ORDER BY title;
ROLLBACK;

-- Another tenant's order is not there.
BEGIN;
CREATE ROLE attention_reader; CREATE ROLE attention_stranger;
SELECT cmms.grant_access('attention_reader', 'default', 'read'), cmms.grant_access('attention_stranger', 'acme', 'write');
SELECT make_doubtful(ARRAY['A']);
SELECT outbox_id('A') AS number \gset
GRANT EXECUTE ON FUNCTION raised(text) TO PUBLIC;
SET LOCAL ROLE attention_stranger;
SELECT count(*) FROM cmms.needs_attention;
SELECT state, message = 'nothing waits under number ' || :number AS unknown FROM raised('SELECT cmms.settle(' || :number || ', ''missing'')');
SET LOCAL ROLE attention_reader;
SELECT reason, title FROM cmms.needs_attention;
SELECT state, message FROM raised('SELECT cmms.settle(' || :number || ', ''missing'')');
ROLLBACK;

-- Everything else that waits for a person.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'A'), ('plant_a', 'B'), ('plant_a', 'C'), ('plant_a', 'D'), ('plant_a', 'E'), ('plant_a', 'F');
UPDATE cmms.outbox q SET state = s.state, last_error = s.error
FROM (VALUES ('A', 'held', 'priority "P0" has no mapping'), ('B', 'awaiting_approval', NULL), ('C', 'in_flight', NULL),
             ('D', 'in_doubt', 'looked up soon')) AS s(title, state, error)
JOIN cmms.work_order w USING (title) WHERE w.common_work_order_id = q.record_id;
DELETE FROM cmms.outbox q USING cmms.work_order w WHERE w.common_work_order_id = q.record_id AND w.title IN ('E', 'F');
UPDATE cmms.work_order SET sync_state = 'rejected', last_error_class = 'validation', last_error = 'title is too long' WHERE title = 'E';
-- Refused by a person already.
UPDATE cmms.work_order SET sync_state = 'rejected', last_error = 'not in the budget' WHERE title = 'F';
INSERT INTO cmms.held_record (tenant_id, provider_id, resource, direction, source_record_id, reason, problems, document)
VALUES ('default', 'plant_a', 'work_order', 'inbound', '77', 'status "Foo" has no mapping', '[]', '{}'),
       ('default', 'plant_a', 'work_order', 'outbound', '78', 'shown by its order', '[]', '{}');
INSERT INTO cmms.conflict (tenant_id, conflict_id, provider_id, record_id, field, hub_value, provider_value, rule)
SELECT tenant_id, 7, provider_id, common_work_order_id, 'asset_ref', '"AST-1"', NULL, 'manual' FROM cmms.work_order WHERE title = 'D';
SELECT reason, identifier, title, detail, regexp_replace(action, '[-0-9a-f]{36}', '<id>', 'g') AS action, outbox_id IS NOT NULL AS waits
FROM cmms.needs_attention ORDER BY reason, title;
ROLLBACK;

-- All at once: rejected, retrying, held and in doubt; not what a person refused, nor what is under way, nor another provider's.
CREATE FUNCTION make_failed() RETURNS void LANGUAGE sql AS $$
  INSERT INTO cmms.work_order (provider_id, title) SELECT 'plant_a', t FROM unnest(ARRAY['A', 'B', 'C', 'D', 'E', 'F', 'G']) t;
  INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_b', 'Z');
  UPDATE cmms.outbox q SET state = s.state, attempts = 5, next_attempt_at = 'infinity'
  FROM (VALUES ('B', 'pending'), ('C', 'held'), ('D', 'in_doubt'), ('E', 'in_flight')) AS s(title, state)
  JOIN cmms.work_order w USING (title) WHERE w.common_work_order_id = q.record_id;
  DELETE FROM cmms.outbox q USING cmms.work_order w WHERE w.common_work_order_id = q.record_id AND w.title IN ('A', 'F', 'G', 'Z');
  UPDATE cmms.work_order w SET sync_state = s.state, last_error_class = s.error_class, last_error = 'no'
  FROM (VALUES ('A', 'rejected', 'validation'), ('B', 'retrying', 'provider_unavailable'), ('C', 'held', 'unmapped_value'), ('D', 'in_doubt', 'provider_unavailable'),
               ('E', 'retrying', 'provider_unavailable'), ('F', 'rejected', NULL), ('G', 'synchronized', NULL), ('Z', 'rejected', 'validation')) AS s(title, state, error_class)
  WHERE s.title = w.title;
$$;
BEGIN;
SELECT make_failed();
SELECT cmms.retry_all('plant_a');
SELECT title, sync_state, operation, state, attempts FROM queue ORDER BY title;
SELECT count(*) AS due FROM cmms.outbox WHERE next_attempt_at <= now();
SELECT cmms.retry_all('plant_b');
SELECT action, provider_id, detail FROM cmms.audit_log ORDER BY audit_log_id;
ROLLBACK;
-- By class, and since when.
BEGIN;
SELECT make_failed();
SELECT cmms.retry_all('plant_a', error_class => 'validation'), cmms.retry_all('plant_a', error_class => 'conflict');
SELECT title, sync_state FROM queue WHERE sync_state = 'pending';
INSERT INTO cmms.sync_log (tenant_id, provider_id, record_id, direction, operation, attempt, outcome, logged_at)
SELECT w.tenant_id, w.provider_id, w.common_work_order_id, 'push', 'create', 1, l.outcome, now() - l.age
FROM (VALUES ('B', 'retrying', interval '2 hours'), ('C', 'held', interval '1 minute'), ('D', 'synchronized', interval '1 minute')) AS l(title, outcome, age)
JOIN cmms.work_order w USING (title);
SELECT cmms.retry_all('plant_a', since => now() - interval '1 hour');
SELECT title, sync_state FROM queue WHERE sync_state = 'pending' ORDER BY title;
ROLLBACK;
-- In the modes draft, handoff and read.
BEGIN;
SELECT make_failed();
UPDATE cmms.work_order SET source_work_order_id = '4711' WHERE title = 'C';
INSERT INTO cmms.provider (provider_id, tenant_id, mode) VALUES ('plant_a', 'default', 'handoff');
SELECT cmms.retry_all('plant_a', error_class => 'unmapped_value');
UPDATE cmms.provider SET mode = 'draft';
SELECT cmms.retry_all('plant_a', error_class => 'validation');
SELECT title, sync_state, state FROM queue WHERE title IN ('A', 'C') ORDER BY title;
DELETE FROM cmms.outbox;
UPDATE cmms.work_order SET sync_state = 'rejected' WHERE title = 'A';
UPDATE cmms.provider SET mode = 'read';
SELECT * FROM raised($$SELECT cmms.retry_all('plant_a', error_class => 'validation')$$);
ROLLBACK;
SELECT * FROM raised($$SELECT cmms.retry_all('nowhere')$$);
SELECT * FROM raised($$SELECT cmms.retry_all('plant_a', error_class => 'bad luck')$$);
BEGIN;
CREATE ROLE attention_stranger;
SELECT cmms.grant_access('attention_stranger', 'acme', 'write');
GRANT EXECUTE ON FUNCTION raised(text) TO PUBLIC;
SET LOCAL ROLE attention_stranger;
SELECT * FROM raised($$SELECT cmms.retry_all('plant_a')$$);
ROLLBACK;
-- Ten thousand with one statement for all.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title) SELECT 'plant_a', n::text FROM generate_series(1, 10000) n;
DELETE FROM cmms.outbox WHERE outbox_id % 2 = 0;
UPDATE cmms.outbox SET attempts = 5;
UPDATE cmms.work_order SET sync_state = 'rejected', last_error_class = 'validation';
SET LOCAL statement_timeout = '30s';
SELECT cmms.retry_all('plant_a');
SELECT state, attempts, count(*) FROM cmms.outbox GROUP BY 1, 2;
ROLLBACK;

-- Given up.
CREATE FUNCTION discard(titles text[], reason text) RETURNS TABLE (title text, discarded boolean) LANGUAGE sql AS $$
  SELECT w.title, cmms.discard(w.common_work_order_id, reason) FROM cmms.work_order w WHERE w.title = ANY (titles) ORDER BY w.title
$$;
BEGIN;
SELECT make_failed();
INSERT INTO cmms.held_record (tenant_id, provider_id, resource, direction, source_record_id, reason, problems, document)
SELECT tenant_id, provider_id, 'work_order', 'outbound', common_work_order_id::text, 'no', '[]', '{}' FROM cmms.work_order WHERE title = 'C';
SELECT * FROM discard(ARRAY['A', 'B', 'C', 'F', 'G'], 'done by hand');
SELECT title, sync_state, last_error, state FROM queue ORDER BY title;
SELECT count(*) FROM cmms.held_record;
SELECT reason, title FROM cmms.needs_attention ORDER BY title;
SELECT action, detail - 'common_work_order_id' AS detail FROM cmms.audit_log ORDER BY audit_log_id;
SELECT event_type, detail FROM cmms.event WHERE event_type = 'sync.failed' ORDER BY event_id;
-- A discarded order goes again with its next change, or when asked to.
UPDATE cmms.work_order SET description = 'more' WHERE title = 'A';
SELECT cmms.retry(common_work_order_id) FROM cmms.work_order WHERE title = 'B';
SELECT title, operation, state FROM queue WHERE title IN ('A', 'B') ORDER BY title;
SELECT state, message LIKE 'a request for work order % is under way' AS named, hint FROM raised($$SELECT discard('{E}', 'x')$$);
SELECT state, message LIKE 'whether the provider has work order % is unknown' AS named, regexp_replace(hint, '\d+', '<n>', 'g') AS hint FROM raised($$SELECT discard('{D}', 'x')$$);
SELECT state, message FROM raised($$SELECT discard('{A}', ' ')$$);
SELECT cmms.discard('00000000-0000-0000-0000-000000000000', 'x'), cmms.discard(NULL, 'x');
ROLLBACK;
-- A deletion that waits is given up: the provider keeps the order.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, source_work_order_id) VALUES ('plant_a', 'A', '4711');
DELETE FROM cmms.work_order;
SELECT cmms.discard(record_id, 'still needed there') FROM cmms.outbox;
SELECT count(*) FROM cmms.outbox;
SELECT detail - 'common_work_order_id' AS detail FROM cmms.audit_log WHERE action = 'discard';
ROLLBACK;
DROP FUNCTION discard(text[], text), make_failed();
DROP VIEW queue;
DROP FUNCTION outbox_id(text), make_doubtful(text[]);
