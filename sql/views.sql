-- What people look at.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, sla_due_at) VALUES
  ('plant_a', 'A', now() + interval '10 days'), ('plant_a', 'B', now() + interval '2 hours'), ('plant_a', 'C', now() - interval '1 day'),
  ('plant_a', 'D', NULL);
INSERT INTO cmms.work_order (provider_id, title, sla_due_at, common_status, completed_at) VALUES
  ('plant_a', 'E', now(), 'completed', now() - interval '1 hour'), ('plant_a', 'F', now(), 'completed', now() + interval '1 hour'),
  ('plant_a', 'G', now() - interval '1 day', 'cancelled', NULL);
SELECT title, common_status, sla_state, time_in_status, sync_state, waiting_operation, attempts FROM cmms.work_order_overview ORDER BY title;

UPDATE cmms.outbox q SET state = s.state, attempts = s.attempts
FROM (VALUES ('A', 'pending', 0), ('B', 'pending', 3), ('C', 'in_flight', 1), ('D', 'in_doubt', 1), ('E', 'held', 0)) AS s(title, state, attempts)
JOIN cmms.work_order w USING (title) WHERE w.common_work_order_id = q.record_id;
DELETE FROM cmms.outbox q USING cmms.work_order w WHERE w.common_work_order_id = q.record_id AND w.title IN ('F', 'G');
UPDATE cmms.work_order SET sync_state = 'rejected', last_error_class = 'validation', last_error = 'title is too long' WHERE title = 'F';
INSERT INTO cmms.provider_state (provider_id, circuit, consecutive_failures, last_error) VALUES ('plant_a', 'open', 4, 'connection refused');
INSERT INTO cmms.unmapped_value (tenant_id, provider_id, resource, vocabulary, direction, value) VALUES ('default', 'plant_a', 'work_order', 'status', 'inbound', 'Foo');
SELECT provider_id, tenant_id, provider_type, mode, active, pending, retrying, in_flight, in_doubt, held, awaiting_approval, rejected,
       unmapped_values, oldest_pending_at = now() AS oldest, circuit, consecutive_failures, last_error, next_poll_at
FROM cmms.sync_health ORDER BY provider_id;

INSERT INTO cmms.sync_log (tenant_id, provider_id, record_id, direction, operation, attempt, outcome, http_status, error_class, error)
SELECT tenant_id, provider_id, common_work_order_id, 'push', 'create', 1, 'rejected', 422, 'validation', last_error FROM cmms.work_order WHERE title = 'F';
SELECT title, direction, operation, outcome, http_status, error, review_action FROM cmms.sync_history;

INSERT INTO cmms.row_link (tenant_id, provider_id, map_name, table_name, row_key, common_work_order_id)
SELECT tenant_id, provider_id, 'ticket', 'facility.ticket', title, common_work_order_id FROM cmms.work_order WHERE title IN ('A', 'F');
INSERT INTO cmms.held_record (tenant_id, provider_id, resource, direction, source_record_id, reason, problems, document)
VALUES ('default', 'plant_a', 'ticket', 'row', 'Z', 'priority "P0" has no mapping', '[]', '{}');
SELECT map_name, table_name, row_key, common_status, sync_state, last_error FROM cmms.row_status ORDER BY row_key;
ROLLBACK;
