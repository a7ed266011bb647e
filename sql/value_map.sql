-- Ways of matching: exact, folded, codes of a list, pairs, names of events, and an explicit default.
CREATE SERVER sap FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9');
CREATE FUNCTION sent(document text, OUT outcome text, OUT http_status integer, OUT detail text) LANGUAGE sql AS
  $$ SELECT i.outcome, i.http_status, i.detail FROM cmms.ingest_webhook('sap', convert_to(document, 'UTF8')) i $$;
SELECT count(*) > 0 AS mapped FROM cmms.set_field_mapping('sap', '{"work_order": {"id": "id", "title": "title", "status": "status"}}');

-- What cannot match is refused, by the function and by the table.
SELECT state, message, hint FROM raised($$SELECT cmms.map_value('sap', 'status', 'CNF', 'completed', match => 'fuzzy')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.map_value('sap', 'status', 'CNF PRC', 'completed', match => 'contains_code')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.map_value('sap', 'status', 'DONE', 'completed', match => 'pair')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.map_value('sap', 'status', 'DONE', 'completed', match => 'default')$$);
SELECT state, message FROM raised($$SELECT cmms.map_value('sap', 'status', 'CNF', 'confirmed', match => 'contains_code')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.value_map (provider_id, vocabulary, direction, source_value, target_value, match)
  VALUES ('sap', 'status', 'inbound', 'CNF PRC', 'completed', 'contains_code')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.value_map (provider_id, vocabulary, direction, source_value, target_value, match)
  VALUES ('sap', 'status', 'inbound', 'DONE', 'completed', 'pair')$$);

-- SAP's system status line: of its codes the one of the lowest precedence counts. What was held goes through.
SELECT * FROM sent('{"work_order": {"id": 1, "title": "Pump", "status": "REL  CNF  PRC  SETC"}}');
SELECT * FROM sent('{"work_order": {"id": 2, "title": "Fan", "status": "CRTD MANC NMAT"}}');
SELECT vocabulary, value, occurrences FROM cmms.unmapped_value WHERE provider_id = 'sap' ORDER BY value;
SELECT code, cmms.map_value('sap', 'status', code, status, match => 'contains_code', precedence => position::integer) AS went_through
FROM unnest(ARRAY['DLFL', 'CLSD', 'TECO', 'CNF', 'PCNF', 'REL', 'CRTD'],
            ARRAY['cancelled', 'closed', 'completed', 'completed', 'in_progress', 'approved', 'requested'])
  WITH ORDINALITY AS c(code, status, position) ORDER BY position;
SELECT vocabulary, value FROM cmms.unmapped_value WHERE provider_id = 'sap';
SELECT source_work_order_id, common_status, source_status FROM cmms.work_order WHERE provider_id = 'sap' ORDER BY 1;
SELECT outcome FROM sent('{"work_order": {"id": 1, "title": "Pump", "status": "REL  CNF  CLSD"}}');
SELECT common_status FROM cmms.work_order WHERE provider_id = 'sap' AND source_work_order_id = '1';
SELECT source_value, target_value, match, precedence FROM cmms.value_map WHERE provider_id = 'sap' ORDER BY precedence;

-- Pairs of status and sub status; an exact pair comes before one with an asterisk.
UPDATE cmms.field_map SET transform = 'pair $.sub | map status' WHERE provider_id = 'sap' AND direction = 'inbound' AND target = 'common_status';
SELECT cmms.map_value('sap', 'status', 'DONE + *', 'completed', match => 'pair'), cmms.map_value('sap', 'status', 'DONE + CANCELED', 'cancelled', match => 'pair');
SELECT outcome FROM sent('{"work_order": {"id": 3, "title": "a", "status": "DONE", "sub": "CANCELED"}}');
SELECT outcome FROM sent('{"work_order": {"id": 4, "title": "b", "status": "DONE", "sub": "Late"}}');
SELECT outcome FROM sent('{"work_order": {"id": 5, "title": "c", "status": "done", "sub": null}}');
SELECT outcome, detail FROM sent('{"work_order": {"id": 6, "title": "d", "status": "HOLD", "sub": "Parts"}}');
SELECT source_work_order_id, common_status, source_status FROM cmms.work_order WHERE provider_id = 'sap' AND source_work_order_id > '2' ORDER BY 1;

-- Exact: another spelling is another value.
SELECT cmms.map_value('sap', 'status', 'HOLD + Parts', 'on_hold', match => 'exact') AS went_through;
SELECT outcome FROM sent('{"work_order": {"id": 7, "title": "e", "status": "hold", "sub": "parts"}}');

-- The default takes what has no other match; said again with another value it is replaced.
SELECT cmms.map_value('sap', 'status', '*', 'triaged', match => 'default') AS went_through;
SELECT outcome FROM sent('{"work_order": {"id": 8, "title": "f", "status": "Whatever"}}');
SELECT cmms.map_value('sap', 'status', '*', 'requested', match => 'default');
SELECT outcome FROM sent('{"work_order": {"id": 9, "title": "g", "status": "Whatever else"}}');
SELECT source_work_order_id, common_status FROM cmms.work_order WHERE provider_id = 'sap' AND source_work_order_id > '5' ORDER BY 1;
SELECT value FROM cmms.unmapped_value WHERE provider_id = 'sap';

-- The event's name gives the status where the record has none.
SELECT outcome FROM sent('{"event": "MaintenanceOrder.Released", "work_order": {"id": 10, "title": "h"}}');
SELECT state, message FROM raised($$SELECT cmms.map_value('sap', 'event_status', 'MaintenanceOrder.Released', 'released')$$);
SELECT cmms.map_value('sap', 'event_status', 'MaintenanceOrder.Released', 'approved');
SELECT outcome FROM sent('{"event": "MaintenanceOrder.Released", "work_order": {"id": 10, "title": "h"}}');
SELECT outcome FROM sent('{"event": "MaintenanceOrder.Released", "work_order": {"id": 11, "title": "i", "status": "CRTD"}}');
SELECT source_work_order_id, common_status FROM cmms.work_order WHERE provider_id = 'sap' AND source_work_order_id IN ('10', '11') ORDER BY 1;

-- Of an array every element is mapped.
UPDATE cmms.field_map SET transform = NULL WHERE provider_id = 'sap' AND target = 'common_status';
INSERT INTO cmms.field_map (provider_id, direction, target, source, transform) VALUES ('sap', 'inbound', 'assignees', 'people[*]', 'map crew');
SELECT cmms.map_value('sap', 'crew', '17', 'ann@example.com');
SELECT outcome, detail FROM sent('{"work_order": {"id": 12, "title": "j", "people": [17, 18]}}');
SELECT vocabulary, value FROM cmms.unmapped_value WHERE provider_id = 'sap';
SELECT cmms.map_value('sap', 'crew', '18', 'bob@example.com');
SELECT assignees FROM cmms.work_order WHERE provider_id = 'sap' AND source_work_order_id = '12';

DELETE FROM cmms.work_order WHERE provider_id = 'sap';
DELETE FROM cmms.outbox WHERE provider_id = 'sap';
DELETE FROM cmms.event WHERE provider_id = 'sap';
DELETE FROM cmms.status_history;
DELETE FROM cmms.webhook_event WHERE provider_id = 'sap';
DELETE FROM cmms.field_map WHERE provider_id = 'sap';
DELETE FROM cmms.value_map WHERE provider_id = 'sap';
DROP FUNCTION sent(text);
DROP SERVER sap;
