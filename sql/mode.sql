-- What each mode of a provider lets out, and what it lets in.
CREATE FUNCTION order_id(wanted text) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT w.common_work_order_id FROM cmms.work_order w WHERE w.title = wanted $$;
CREATE FUNCTION set_mode(mode text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO cmms.provider (provider_id, tenant_id, mode) VALUES ('hub_c', 'default', set_mode.mode)
  ON CONFLICT (provider_id) DO UPDATE SET mode = excluded.mode $$;
CREATE FUNCTION deliver(document text, OUT outcome text, OUT detail text) LANGUAGE sql AS $$
  SELECT i.outcome, i.detail FROM cmms.ingest_webhook('hub_c', convert_to('{"event": "work_order.updated", "work_order": ' || document || '}', 'UTF8')) i $$;
CREATE VIEW waiting AS
SELECT coalesce(w.title, '(deleted)') AS title, q.operation, q.state, w.sync_state, q.source_record_id
FROM cmms.outbox q LEFT JOIN cmms.work_order w ON w.common_work_order_id = q.record_id ORDER BY 1;
CREATE FUNCTION connect(mode text) RETURNS void LANGUAGE sql AS $$
  SELECT count(*) FROM cmms.set_field_mapping('hub_c', '{"id": "id", "title": "title", "status": "status", "priority": "priority",
    "description": "text", "completed_at": "done", "updated_at": "at"}');
  SELECT cmms.map_value('hub_c', 'status', 'in_progress', 'in_progress');
  SELECT set_mode(connect.mode) $$;

-- One order that the provider has, one that it has not; then each mode: new, changed, deleted here; new, changed there.
CREATE FUNCTION try_mode(mode text, OUT step text, OUT result text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
  statement text;
BEGIN
  DELETE FROM cmms.outbox;
  PERFORM set_mode(try_mode.mode);
  FOR step, statement IN VALUES
    ('insert', $s$INSERT INTO cmms.work_order (provider_id, title) VALUES ('hub_c', 'Newer')$s$),
    ('update, theirs', $s$UPDATE cmms.work_order SET description = 'x' WHERE title = 'Theirs'$s$),
    ('update, not sent', $s$UPDATE cmms.work_order SET description = 'x' WHERE title = 'Ours'$s$),
    ('delete, theirs', $s$DELETE FROM cmms.work_order WHERE title = 'Theirs, too'$s$),
    ('delete, not sent', $s$DELETE FROM cmms.work_order WHERE title = 'Ours, too'$s$) LOOP
    result := coalesce((SELECT r.state FROM raised(statement) r), 'allowed');
    RETURN NEXT;
  END LOOP;
  step := 'queued'; result := (SELECT string_agg(format('%s %s: %s', w.operation, w.title, w.state), ', ') FROM waiting w);
  RETURN NEXT;
  step := 'new there'; result := (SELECT d.outcome FROM deliver('{"id": "3", "title": "From there", "status": "in_progress", "at": "2030-01-01T00:00:00Z"}') d);
  RETURN NEXT;
  step := 'changed there'; result := (SELECT d.outcome || ', ' || d.detail FROM deliver('{"id": "1", "title": "Theirs", "status": "in_progress", "priority": "high", "at": "2030-01-01T00:00:00Z"}') d);
  RETURN NEXT;
END
$$;
CREATE FUNCTION prepare() RETURNS void LANGUAGE sql AS $$
  SELECT connect('write_back');
  INSERT INTO cmms.work_order (provider_id, title) VALUES ('hub_c', 'Ours'), ('hub_c', 'Ours, too');
  SELECT deliver('{"id": "1", "title": "Theirs", "status": "in_progress", "at": "2029-01-01T00:00:00Z"}');
  SELECT deliver('{"id": "2", "title": "Theirs, too", "status": "in_progress", "at": "2029-01-01T00:00:00Z"}') $$;
BEGIN; SELECT prepare(); SELECT * FROM try_mode('read'); ROLLBACK;
BEGIN; SELECT prepare(); SELECT * FROM try_mode('draft'); ROLLBACK;
BEGIN; SELECT prepare(); SELECT * FROM try_mode('handoff'); ROLLBACK;
BEGIN; SELECT prepare(); SELECT * FROM try_mode('write_back'); ROLLBACK;

-- Drafts: what waits, and what it would change.
BEGIN;
SELECT connect('draft');
SELECT deliver('{"id": "1", "title": "Theirs", "status": "in_progress", "priority": "low", "text": "old", "at": "2029-01-01T00:00:00Z"}');
SELECT deliver('{"id": "2", "title": "Theirs, too", "status": "in_progress", "at": "2029-01-01T00:00:00Z"}');
INSERT INTO cmms.work_order (provider_id, title, priority) VALUES ('hub_c', 'Ours', 'high');
UPDATE cmms.work_order SET priority = 'high', description = 'new', planned_start_at = '2029-02-01 10:00+00' WHERE title = 'Theirs';
UPDATE cmms.work_order SET common_status = 'completed' WHERE title = 'Theirs';
-- Changed there and back: nothing of it is left.
UPDATE cmms.work_order SET description = 'old' WHERE title = 'Theirs';
DELETE FROM cmms.work_order WHERE title = 'Theirs, too';
SELECT tenant_id, provider_id, operation, source_work_order_id, title, changed_by = session_user AS by_me, waiting_since = now() AS waits_since_now,
       changes - 'completed_at' AS changes
FROM cmms.pending_approval ORDER BY title;
SELECT title, sync_state FROM cmms.work_order ORDER BY title;
SELECT cmms.retry(order_id('Ours')), (SELECT state FROM waiting WHERE title = 'Ours');
DELETE FROM cmms.event;

-- A rejected update goes back to what the provider said, and is not sent; what the provider never said stays.
SELECT cmms.reject(order_id('Theirs'), 'not in the budget');
SELECT common_status, completed_at, priority, description, planned_start_at = '2029-02-01 10:00+00' AS kept, sync_state, last_error, last_synced_at IS NOT NULL AS synced
FROM cmms.work_order WHERE title = 'Theirs';
SELECT from_status, to_status, cause, left_at IS NULL AS open FROM cmms.status_history WHERE common_work_order_id = order_id('Theirs') ORDER BY status_history_id;
-- A rejected create stays here, and can be offered again.
SELECT cmms.reject(order_id('Ours'), 'is done already');
SELECT sync_state, last_error, last_error_class FROM cmms.work_order WHERE title = 'Ours';
-- A rejected delete is not sent: the next news brings the order back.
SELECT cmms.reject(p.common_work_order_id, 'still needed') FROM cmms.pending_approval p WHERE p.operation = 'delete';
TABLE waiting;
SELECT d.outcome FROM deliver('{"id": "2", "title": "Theirs, too", "status": "in_progress", "at": "2029-01-01T00:00:01Z"}') d;
SELECT title FROM cmms.work_order ORDER BY title;
SELECT event_type, detail - 'map_version' AS detail FROM cmms.event ORDER BY event_id;
SELECT action, provider_id, detail - 'common_work_order_id' AS detail, actor = session_user AS by_me FROM cmms.audit_log WHERE action = 'reject' ORDER BY audit_log_id;
SELECT cmms.retry(order_id('Ours')), cmms.reject(order_id('Theirs'), 'again') AS nothing_waits;
TABLE waiting;
UPDATE cmms.work_order SET priority = 'medium' WHERE title = 'Ours';
SELECT cmms.approve(order_id('Ours')), cmms.approve(order_id('Ours')) AS again;
TABLE waiting;
-- A change of an approved order that is not under way yet asks again; one that is under way goes on, and its change will ask.
UPDATE cmms.work_order SET priority = 'low' WHERE title = 'Ours';
TABLE waiting;

-- Bad input.
SELECT state, message FROM raised($$SELECT cmms.reject(order_id('Ours'), NULL)$$);
SELECT state, message FROM raised($$SELECT cmms.reject(order_id('Ours'), ' ')$$);
SELECT cmms.reject(NULL, 'x') AS no_order, cmms.reject('00000000-0000-0000-0000-000000000000', 'x') AS unknown;
SELECT state, message FROM raised($$SELECT cmms.drop_draft(order_id('Ours'), 'x')$$);
TABLE waiting;
ROLLBACK;

-- A conflict that waits for a person is decided with the draft.
BEGIN;
SELECT connect('draft');
SELECT deliver('{"id": "1", "title": "Theirs", "status": "in_progress", "priority": "low", "at": "2029-01-01T00:00:00Z"}');
UPDATE cmms.field_map SET owner = 'manual' WHERE direction = 'inbound' AND target = 'priority';
UPDATE cmms.work_order SET priority = 'high';
SELECT deliver('{"id": "1", "title": "Theirs", "status": "in_progress", "priority": "medium", "at": "2029-01-02T00:00:00Z"}');
SELECT priority, sync_state, last_error_class FROM cmms.work_order;
UPDATE cmms.work_order SET priority = 'emergency';
SELECT title, sync_state FROM waiting;
SELECT cmms.reject(order_id('Theirs'), 'they know better');
SELECT priority, sync_state, last_error_class FROM cmms.work_order;
SELECT field, hub_value, provider_value, winner, resolved_by = session_user AS by_me, note FROM cmms.conflict;
ROLLBACK;

-- Another tenant's drafts are neither seen nor decided.
BEGIN;
CREATE ROLE regress_cmms_approver;
CREATE ROLE regress_cmms_looker;
SELECT cmms.grant_access('regress_cmms_approver', 'default', 'write'), cmms.grant_access('regress_cmms_looker', 'default', 'read');
GRANT EXECUTE ON FUNCTION raised, order_id TO PUBLIC;
INSERT INTO cmms.provider (provider_id, tenant_id, mode) VALUES ('plant_a', 'default', 'draft'), ('plant_b', 'acme', 'draft');
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title) VALUES (DEFAULT, 'plant_a', 'of default'), ('00000000-0000-0000-0000-00000000000b', 'plant_b', 'of acme');
SET LOCAL ROLE regress_cmms_looker;
SELECT title, changes -> 'title' AS changes FROM cmms.pending_approval;
SELECT state, message FROM raised($$SELECT cmms.reject(order_id('of default'), 'x')$$);
SET LOCAL ROLE regress_cmms_approver;
SELECT title FROM cmms.pending_approval;
SELECT cmms.reject('00000000-0000-0000-0000-00000000000b', 'x'), cmms.approve('00000000-0000-0000-0000-00000000000b');
SELECT cmms.reject(order_id('of default'), 'x');
RESET ROLE;
SELECT title, state FROM waiting;
SELECT actor FROM cmms.audit_log WHERE action = 'reject';
ROLLBACK;
DROP FUNCTION prepare, try_mode;
DROP VIEW waiting;
DROP FUNCTION connect, deliver, set_mode, order_id;
