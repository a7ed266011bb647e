-- Where an order may go, and how long it was where.
CREATE FUNCTION order_id(wanted text) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT w.common_work_order_id FROM cmms.work_order w WHERE w.title = wanted $$;

-- The way from each status to each: never over a detour, never by reopening, and no way is null.
SELECT f.name AS from_status, t.name AS to_status, cmms.status_path(f.name, t.name)
FROM cmms.common_status f, cmms.common_status t
WHERE NOT EXISTS (SELECT FROM cmms.transition m WHERE m.from_status = f.name AND m.to_status = t.name)
ORDER BY f.sort_order, t.sort_order;
SELECT cmms.status_path('requested', 'completed') AS one_step, cmms.status_path('closed', 'in_progress') AS reopened,
       cmms.status_path('requested', 'finished') AS unknown, cmms.status_path('requested', NULL) AS nothing;

-- A DBA's own lifecycle: step by step, with statuses of its own.
BEGIN;
UPDATE cmms.transition SET allowed = false WHERE from_status = 'requested' AND to_status NOT IN ('triaged', 'approved', 'cancelled');
UPDATE cmms.transition SET allowed = false WHERE from_status IN ('triaged', 'approved', 'assigned') AND to_status IN ('in_progress', 'completed', 'on_hold');
INSERT INTO cmms.common_status (name, sort_order) VALUES ('parts_ordered', 45);
INSERT INTO cmms.transition (from_status, to_status, verb) VALUES ('assigned', 'parts_ordered', 'order parts'), ('parts_ordered', 'in_progress', 'start');
-- Two ways of the same length: the one that is earlier in the usual flow.
SELECT cmms.status_path('requested', 'closed'), cmms.status_path('requested', 'on_hold') AS not_interrupted_by_pretending_to_work;
-- What is forbidden is not got round by going back, nor is work cancelled by completing it.
UPDATE cmms.transition SET allowed = false WHERE from_status = 'in_progress' AND to_status IN ('completed', 'cancelled');
SELECT cmms.status_path('in_progress', 'completed') AS completed, cmms.status_path('in_progress', 'cancelled') AS cancelled;
UPDATE cmms.transition SET allowed = true WHERE from_status = 'in_progress';
UPDATE cmms.common_status SET is_detour = true WHERE name = 'parts_ordered';
SELECT cmms.status_path('requested', 'closed') AS not_over_a_detour, cmms.status_path('requested', 'parts_ordered') AS but_to_it;
-- A circle has an end.
INSERT INTO cmms.transition (from_status, to_status, verb) VALUES ('approved', 'triaged', 'send back'), ('triaged', 'requested', 'send back');
SELECT cmms.status_path('requested', 'in_progress');
ROLLBACK;

BEGIN;
INSERT INTO cmms.work_order (provider_id, title, common_status)
SELECT 'plant_a', s.name, s.name FROM cmms.common_status s ORDER BY s.sort_order;
SELECT w.title, cmms.next_suggested_status(w.common_work_order_id), array(SELECT a.common_status FROM cmms.allowed_statuses(w.common_work_order_id) a)
FROM cmms.work_order w JOIN cmms.common_status s ON s.name = w.title ORDER BY s.sort_order;
-- Held before work began: back to that.
UPDATE cmms.work_order SET common_status = 'on_hold' WHERE title = 'assigned';
SELECT cmms.next_suggested_status(order_id('assigned'));
SELECT cmms.next_suggested_status('00000000-0000-0000-0000-000000000000') AS unknown,
       (SELECT count(*) FROM cmms.allowed_statuses('00000000-0000-0000-0000-000000000000')) AS none;

-- What the provider allows for this order, in the hub's words.
UPDATE cmms.work_order SET source_work_order_id = 'W-1', source_allowed_statuses = '{on_hold,completed,cancelled}',
  source_fields = '{"common_status": "in_progress"}' WHERE title = 'in_progress';
SELECT * FROM cmms.allowed_statuses(order_id('in_progress'));
SELECT * FROM raised($$UPDATE cmms.work_order SET common_status = 'assigned' WHERE title = 'in_progress'$$);
SELECT cmms.next_suggested_status(order_id('in_progress'));
UPDATE cmms.work_order SET source_allowed_statuses = '{cancelled}' WHERE title = 'in_progress';
SELECT * FROM raised($$UPDATE cmms.work_order SET common_status = 'completed' WHERE title = 'in_progress'$$);
SELECT cmms.next_suggested_status(order_id('in_progress')) AS nothing_to_suggest;
-- Back to what it has is no move for the provider.
UPDATE cmms.work_order SET common_status = 'on_hold', source_allowed_statuses = '{on_hold}' WHERE title = 'in_progress';
SELECT * FROM cmms.allowed_statuses(order_id('in_progress'));
UPDATE cmms.work_order SET common_status = 'in_progress' WHERE title = 'in_progress';
-- An empty list allows nothing; other columns may change.
UPDATE cmms.work_order SET source_allowed_statuses = '{}', priority = 'high' WHERE title = 'in_progress';
SELECT hint FROM raised($$UPDATE cmms.work_order SET common_status = 'completed' WHERE title = 'in_progress'$$);

-- The mode of the provider lets nothing out.
INSERT INTO cmms.provider (provider_id, tenant_id, mode) VALUES ('plant_a', 'default', 'handoff');
SELECT count(*) AS handed_over FROM cmms.allowed_statuses(order_id('in_progress'));
SELECT count(*) > 0 AS not_yet FROM cmms.allowed_statuses(order_id('requested'));
UPDATE cmms.provider SET mode = 'read';
SELECT count(*) AS read_only FROM cmms.allowed_statuses(order_id('requested'));
ROLLBACK;

-- The provider says it in its document: it is taken in, sent back by nobody, and taken back.
BEGIN;
SELECT count(*) FROM cmms.set_field_mapping('hub_c', '{"id": "id", "title": "description", "status": "status", "source_allowed_statuses": "allowed", "updated_at": "at"}');
SELECT cmms.map_value('hub_c', 'status', 'open', 'in_progress'), cmms.map_value('hub_c', 'status', 'onhold', 'on_hold');
SELECT outcome FROM cmms.ingest_webhook('hub_c', convert_to('{"event": "work_order.created", "work_order":
  {"id": "77", "description": "Carpet", "status": "open", "allowed": ["completed", "cancelled"], "at": "2030-01-01T00:00:00Z"}}', 'UTF8'));
SELECT source_allowed_statuses, sync_state FROM cmms.work_order;
SELECT state, hint FROM raised($$UPDATE cmms.work_order SET common_status = 'on_hold'$$);
SELECT outcome, detail FROM cmms.ingest_webhook('hub_c', convert_to('{"event": "work_order.updated", "work_order":
  {"id": "77", "description": "Carpet", "status": "open", "allowed": ["onhold"], "at": "2030-01-01T00:00:01Z"}}', 'UTF8'));
SELECT source_allowed_statuses FROM cmms.work_order;
SELECT outcome FROM cmms.ingest_webhook('hub_c', convert_to('{"event": "work_order.updated", "work_order":
  {"id": "77", "description": "Carpet", "status": "open", "allowed": null, "at": "2030-01-01T00:00:02Z"}}', 'UTF8'));
SELECT source_allowed_statuses FROM cmms.work_order;
SELECT count(*) AS queued FROM cmms.outbox;
ROLLBACK;

-- Building Engines' shape: every status, the last time it was entered, all its time.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'Timed');
DELETE FROM cmms.status_history;
INSERT INTO cmms.status_history (tenant_id, common_work_order_id, from_status, to_status, entered_at, left_at, cause, changed_by)
SELECT 'default', order_id('Timed'), h.* , 'local', 'me'
FROM (VALUES (NULL, 'requested', now() - interval '3 days 4 hours 5 minutes', now() - interval '3 days 4 hours 4 minutes'),
             ('requested', 'in_progress', now() - interval '3 days 4 hours 4 minutes', now() - interval '2 hours'),
             ('in_progress', 'completed', now() - interval '2 hours', now() - interval '61 minutes'),
             ('completed', 'in_progress', now() - interval '61 minutes', now() - interval '59 seconds'),
             ('in_progress', 'on_hold', now() - interval '59 seconds', NULL)) AS h(from_status, to_status, entered_at, left_at);
SELECT common_status, now() - last_date_captured AS captured_before, elapsed_seconds, time_since FROM cmms.status_history_of(order_id('Timed'));
SELECT cmms.status_history_document(order_id('Timed')) -> 'closed' AS closed,
       cmms.status_history_document(order_id('Timed')) #>> '{on_hold,elapsed_seconds}' AS on_hold;
SELECT count(*) AS none, cmms.status_history_document('00000000-0000-0000-0000-000000000000')
FROM cmms.status_history_of('00000000-0000-0000-0000-000000000000');
SELECT s AS seconds, cmms.relative_time(s) FROM unnest('{0,60,3599,3600,3661,86400,90000,172860}'::bigint[]) s;
ROLLBACK;
DROP FUNCTION order_id;
