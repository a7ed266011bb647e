-- What a provider sends, from its bytes to the work order.
CREATE FUNCTION send(document text, headers jsonb DEFAULT '{}', OUT outcome text, OUT http_status integer, OUT detail text) LANGUAGE sql AS
  $$ SELECT i.outcome, i.http_status, i.detail FROM cmms.ingest_webhook('hub_c', convert_to(document, 'UTF8'), headers) i $$;
SELECT count(*) > 0 AS mapped FROM cmms.set_field_mapping('hub_c',
  '{"work_order": {"id": "id", "title": "title", "status": {"source": "status", "transform": "map status"}, "assignees": "people[*]",
    "priority": {"source": "priority", "transform": "map priority"}, "requester": "by", "total_cost": "cost", "source_updated_at": "changed"}}');
SELECT cmms.map_value('hub_c', 'status', 'Open', 'requested'), cmms.map_value('hub_c', 'status', 'Working', 'in_progress'),
       cmms.map_value('hub_c', 'status', 'Done', 'completed'), cmms.map_value('hub_c', 'priority', 'P1', 'high');

-- New, the same again, changed, older.
SELECT * FROM send('{"event": "work_order.created", "work_order": {"id": 7, "title": "Pump", "status": "Open", "priority": "P1", "people": ["a", "b"], "changed": "2026-01-01T00:00:00Z"}}');
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 7, "title": "Pump", "status": "Open", "priority": "P1", "people": ["a", "b"], "changed": "2026-01-01T00:00:00Z"}}');
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 7, "title": "Pump 7", "status": "Working", "people": ["a"], "cost": 12.5, "changed": "2026-01-02T00:00:00Z"}}');
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 7, "title": "Pump 6", "status": "Open", "changed": "2026-01-01T12:00:00Z"}}');
SELECT source_work_order_id, title, common_status, priority, assignees, total_cost, sync_state, started_at = '2026-01-02 00:00+00' AS stamped,
       source_updated_at = '2026-01-02 00:00+00' AS newest FROM cmms.work_order;
SELECT from_status, to_status, cause, left_at IS NULL AS open FROM cmms.status_history ORDER BY status_history_id;
SELECT event_type, detail - 'map_version' AS detail FROM cmms.event ORDER BY event_id;

-- No echo: nothing of this was queued.
SELECT count(*) FROM cmms.outbox;

-- A local change waits to be sent: its field is kept, the others are taken.
UPDATE cmms.work_order SET title = 'Pump seven';
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 7, "title": "Pump VII", "by": "bob", "changed": "2026-01-03T00:00:00Z"}}');
SELECT title, requester, sync_state FROM cmms.work_order;
SELECT operation, changed_fields, source_record_id FROM cmms.outbox;

-- What we sent comes back, and coarser than we meant it: not news.
DELETE FROM cmms.outbox;
UPDATE cmms.work_order SET sync_state = 'synchronized', priority = 'emergency';
DELETE FROM cmms.outbox;
UPDATE cmms.work_order SET sync_state = 'synchronized';
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 7, "title": "Pump VII", "priority": "P1", "status": "Done", "changed": "2026-01-04T00:00:00Z"}}');
SELECT title, priority, common_status, completed_at = '2026-01-04 00:00+00' AS stamped FROM cmms.work_order;

-- The hub's own field.
UPDATE cmms.field_map SET owner = 'hub' WHERE provider_id = 'hub_c' AND direction = 'inbound' AND target = 'requester';
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 7, "by": "eve", "cost": 13, "changed": "2026-01-05T00:00:00Z"}}');
SELECT requester, total_cost FROM cmms.work_order;

-- An unmapped value is held, counted once, listed; mapping it lets the record through.
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 8, "title": "Valve", "status": "Parked", "changed": "2026-01-05T00:00:00Z"}}');
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 8, "title": "Valve", "status": "Parked", "changed": "2026-01-05T00:00:00Z"}}');
SELECT direction, source_record_id, reason FROM cmms.held_record;
SELECT vocabulary, direction, value, occurrences FROM cmms.unmapped_value;
SELECT count(*) FROM cmms.event WHERE event_type = 'mapping.exception';
SELECT cmms.map_value('hub_c', 'status', 'Parked', 'on_hold');
SELECT title, common_status FROM cmms.work_order WHERE source_work_order_id = '8';
SELECT (SELECT count(*) FROM cmms.held_record) AS held, (SELECT count(*) FROM cmms.unmapped_value) AS unmapped;

-- Deleted here, not yet there: it does not come back.
DELETE FROM cmms.work_order WHERE source_work_order_id = '8';
SELECT * FROM send('{"event": "work_order.updated", "work_order": {"id": 8, "title": "Valve", "status": "Open", "changed": "2026-01-06T00:00:00Z"}}');
SELECT operation, source_record_id FROM cmms.outbox;

-- Delivered twice, and what is not a document.
SELECT outcome, http_status FROM send('{"event": "work_order.updated", "work_order": {"id": 9, "title": "Fan", "status": "Open"}}', '{"webhook-id": "msg_1"}');
SELECT outcome, http_status FROM send('{"event": "work_order.updated", "work_order": {"id": 9, "title": "Fan", "status": "Open"}}', '{"Webhook-Id": "msg_1"}');
SELECT outcome, http_status FROM send('not json');
SELECT outcome, http_status FROM send('');
SELECT outcome, http_status FROM cmms.ingest_webhook('hub_c', '\xff00', '{}');
SELECT outcome, http_status FROM send('{"a": "\u0000"}');
SELECT outcome, http_status FROM send(repeat('[', 10000));
SELECT outcome, http_status FROM send('{"event": "work_order.updated", "work_order": {"id": 10, "title": "x", "status": "Open", "cost": 1e400}}');
SELECT outcome, http_status FROM send('{"event": "work_order.updated", "work_order": {"title": "no id", "status": "Open"}}');
SELECT state, message FROM raised($$SELECT * FROM cmms.ingest_webhook('nowhere', '{}')$$);
SELECT outcome, count(*) FROM cmms.webhook_event GROUP BY 1 ORDER BY 1;

DELETE FROM cmms.outbox; DELETE FROM cmms.work_order; DELETE FROM cmms.outbox; DELETE FROM cmms.event; DELETE FROM cmms.webhook_event;
DELETE FROM cmms.held_record; DELETE FROM cmms.unmapped_value; DELETE FROM cmms.field_map; DELETE FROM cmms.value_map;
DROP FUNCTION send;
