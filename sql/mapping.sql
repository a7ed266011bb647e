-- Field and value maps by short-hand JSON.
SELECT resource, direction, target, source, transform FROM cmms.set_field_mapping('hub_c',
  '{"work_order": {"id": "AUFNR", "title": "KTEXT", "priority": {"source": "PRIOK", "transform": "map priority"}, "asset_id": "EQUNR"}}')
ORDER BY direction, target;
SELECT state, message FROM raised($$SELECT * FROM cmms.set_field_mapping('nowhere', '{"title": "a"}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"titel": "a"}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"title": "$.["}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"title": {"source": "a", "transform": "shout"}}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '[1]')$$);
SELECT count(*) FROM cmms.field_map WHERE provider_id = 'hub_c' AND source = 'KTEXT';

-- Values: the hub's side must exist.
SELECT cmms.map_value('hub_c', 'priority', '1', 'emergency');
SELECT state, message FROM raised($$SELECT cmms.map_value('hub_c', 'priority', '2', 'urgent')$$);
SELECT state, message FROM raised($$SELECT cmms.map_value('nowhere', 'priority', '2', 'high')$$);
SELECT resource, vocabulary, direction, source_value, target_value FROM cmms.value_map;

-- Rows written directly are checked just so, whole statements at a time.
SELECT state, message, hint IS NOT NULL AS helps FROM raised($$INSERT INTO cmms.field_map (provider_id, direction, target, source, transform) VALUES ('hub_c', 'inbound', 'requester', 'by', 'shout')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.field_map (provider_id, direction, target, source) VALUES ('hub_c', 'inbound', 'requestr', 'by')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.field_map (provider_id, direction, target, source) VALUES ('hub_c', 'outbound', 'by', 'requestr')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.field_map (provider_id, direction, target, source, transform) VALUES ('hub_c', 'inbound', 'sla_due_at', 'due', 'time "YYYY-MM-DD" Nowhere/Town')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.field_map (provider_id, direction, target, source, transform) VALUES ('hub_c', 'inbound', 'requester', 'by', 'sql public.nothing')$$);
SELECT state, message FROM raised($$UPDATE cmms.field_map SET source = '$.[' WHERE provider_id = 'hub_c' AND target = 'title'$$);
SELECT count(*) FROM cmms.field_map WHERE provider_id = 'hub_c' AND source = '$.[';
INSERT INTO cmms.field_map (provider_id, direction, target, source, transform) VALUES ('not_there_yet', 'inbound', 'requester', 'by', 'shout');
SELECT state, message, hint FROM raised($$INSERT INTO cmms.value_map (provider_id, vocabulary, direction, source_value, target_value) VALUES ('hub_c', 'priority', 'inbound', '3', 'urgent')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.value_map (provider_id, vocabulary, direction, source_value, target_value) VALUES ('hub_c', 'status', 'outbound', 'done', '4')$$);
SELECT state, message FROM raised($$UPDATE cmms.value_map SET target_value = 'urgent' WHERE provider_id = 'hub_c'$$);
DELETE FROM cmms.field_map;
DELETE FROM cmms.value_map;
