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
DROP VIEW queue;
DROP FUNCTION outbox_id(text), make_doubtful(text[]);
