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
DELETE FROM cmms.field_map;
DELETE FROM cmms.value_map;
