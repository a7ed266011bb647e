-- What would happen, and that it does not.
CREATE SERVER hub_preview FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9/api', reference_field 'note');
SELECT count(*) FROM cmms.set_field_mapping('hub_preview', '{"id": "id", "title": {"source": ["name", "subject"], "transform": "trim"}, "requester": "who",
  "status": "state", "total_cost": "cost", "due_date": "due", "updated_at": "changed"}');
UPDATE cmms.field_map SET owner = 'hub' WHERE provider_id = 'hub_preview' AND direction = 'inbound' AND target = 'requester';
CREATE FUNCTION seen(document jsonb) RETURNS TABLE (outcome text, target text, source text, raw jsonb, rule text, result jsonb, stored jsonb, owner text,
                                                    decision text, writes boolean, error text) LANGUAGE sql AS $$
  SELECT outcome, target, source, raw_value, rule, result, current_value, owner, decision, would_write, error
  FROM cmms.preview_inbound('hub_preview', 'work_order', document) $$;

BEGIN;
-- A new record, as an event and bare.
SELECT * FROM seen('{"event": "work_order.updated", "work_order": {"id": 1, "subject": " Pump ", "who": "ann", "state": "approved", "cost": "12.5", "changed": "2026-01-01T00:00:00Z"}}');
SELECT DISTINCT outcome, writes FROM seen('{"id": 1, "subject": "Pump"}');
-- What cannot be mapped, and what no column takes.
SELECT outcome, target, raw, result, decision, writes, error FROM seen('{"id": 1, "name": "Pump", "state": "Parked", "cost": "a lot"}') ORDER BY target;
SELECT outcome, target, raw, decision, writes, error FROM seen('{"id": 1, "name": "Pump", "state": "approved", "cost": 1e30}') WHERE decision <> 'set';
-- An event that is not handled, one without an id, and what is no object.
SELECT DISTINCT outcome, target, decision, writes, error FROM seen('{"event": "asset.moved", "work_order": {"id": 1, "name": "Pump"}}');
SELECT target, error FROM seen('{"name": "Pump"}') WHERE error IS NOT NULL;
SELECT outcome, target, error FROM seen('[]');
SELECT state, message FROM raised($$SELECT * FROM cmms.preview_inbound('hub_preview', 'asset', '{}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.preview_inbound('nowhere', 'work_order', '{}')$$);
SELECT pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
COMMIT;

-- A stored order: what differs, who decides, what waits, what is older.
SELECT outcome FROM cmms.ingest_webhook('hub_preview', '{"event": "work_order.updated", "work_order": {"id": 1, "name": "Pump", "who": "ann", "state": "approved", "cost": 1, "changed": "2026-01-01T00:00:00Z"}}');
UPDATE cmms.work_order SET title = 'Pump 1' WHERE source_work_order_id = '1';
SELECT outcome, target, result, stored, owner, decision, writes FROM seen('{"id": 1, "name": "Pump I", "who": "bob", "state": "approved", "cost": 2, "changed": "2026-01-02T00:00:00Z"}');
SELECT DISTINCT outcome, decision, writes FROM seen('{"id": 1, "name": "Pump", "changed": "2025-01-01T00:00:00Z"}');
SELECT DISTINCT outcome, writes FROM seen('{"id": 1, "name": "Pump", "who": "ann", "cost": 1.0, "changed": "2026-01-01T00:00:00Z"}');
SELECT title, requester, total_cost FROM cmms.work_order WHERE source_work_order_id = '1';
SELECT count(*) FROM cmms.conflict WHERE provider_id = 'hub_preview';

-- Deliveries that were kept, with the maps of now.
SELECT cmms.map_value('hub_preview', 'status', 'approved', 'triaged');
SELECT (preview).outcome, (preview).target, (preview).result, (preview).decision FROM cmms.preview_recent('hub_preview', 1) WHERE (preview).target = 'common_status';
SELECT count(DISTINCT webhook_event_id) FROM cmms.preview_recent('hub_preview', 0);

-- Outbound: the fields, and the request itself.
SELECT common_work_order_id AS id FROM cmms.work_order WHERE source_work_order_id = '1' \gset
SELECT outcome, target, source, raw_value, rule, result, decision, would_write, error FROM cmms.preview_outbound('hub_preview', :'id');
SELECT outcome, method, url, body #- '{note}' AS body, reason FROM cmms.preview_request(:'id');
INSERT INTO cmms.work_order (provider_id, title, common_status, sla_due_at) VALUES ('hub_preview', 'Fan', 'requested', '2026-05-01 10:00+02') RETURNING common_work_order_id AS new \gset
SELECT outcome, method, url, replace(body::text, :'new', 'ID') AS body, reason FROM cmms.preview_request(:'new');
INSERT INTO cmms.value_map (provider_id, vocabulary, direction, source_value, target_value) VALUES ('hub_preview', 'status', 'outbound', 'approved', 'APPR');
UPDATE cmms.field_map SET transform = 'map words' WHERE provider_id = 'hub_preview' AND direction = 'outbound' AND target = 'state';
SELECT outcome, target, raw_value, result, decision, would_write, error FROM cmms.preview_outbound('hub_preview', :'new') WHERE target = 'state';
SELECT outcome, method, reason FROM cmms.preview_request(:'new');
SELECT state, message FROM raised($$SELECT * FROM cmms.preview_outbound('hub_preview', '00000000-0000-0000-0000-000000000000')$$);
SELECT state, message FROM raised(format($$SELECT * FROM cmms.preview_outbound('hub_c', %L)$$, :'id'));
SELECT count(*) FROM cmms.sync_log WHERE provider_id = 'hub_preview';

-- Nothing is left for the other tests.
DROP FUNCTION seen;
DELETE FROM cmms.work_order;
DELETE FROM cmms.outbox;
DELETE FROM cmms.field_map;
DELETE FROM cmms.value_map;
DELETE FROM cmms.event;
DELETE FROM cmms.webhook_event;
DROP SERVER hub_preview;
