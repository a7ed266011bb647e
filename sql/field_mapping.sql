-- Field maps back to short-hand: setting what was read gives the same rules.
CREATE TEMPORARY VIEW rule AS
  SELECT direction, target, source, transform, required, default_value, on_operation, owner FROM cmms.field_map WHERE provider_id = 'hub_c';
-- The map is set, read, and the reading set in its place.
CREATE FUNCTION comes_back(mapping jsonb, OUT same boolean, OUT rules bigint, OUT read jsonb) LANGUAGE plpgsql AS $$
DECLARE
  before rule[];
BEGIN
  PERFORM FROM cmms.set_field_mapping('hub_c', mapping);
  before := ARRAY(SELECT r FROM rule r ORDER BY direction, target);
  read := cmms.field_mapping('hub_c');
  DELETE FROM cmms.field_map;
  PERFORM FROM cmms.set_field_mapping('hub_c', read);
  same := before = ARRAY(SELECT r FROM rule r ORDER BY direction, target) AND read = cmms.field_mapping('hub_c');
  rules := cardinality(before);
END
$$;

SELECT m.what, c.* FROM (VALUES
  ('plain', '{"work_order": {"id": "AUFNR", "title": "KTEXT", "status": "STAT", "priority": "PRIOK", "asset_id": "EQUNR", "due_date": "GLTRP"}}'),
  ('flat', '{"title": "wo_title", "priority": "wo_priority"}'),
  ('lists', '{"title": ["a.b", "c[0].d", "$.\"odd key\""], "status": ["s.name", "s.id"], "assignees": "people[*].mail"}'),
  ('options', '{"title": {"source": "t", "transform": "trim | upper", "required": true}, "priority": {"source": "p", "default": "none"},
     "total_cost": {"source": ["c", "d"], "default": 1.50}, "currency": {"default": "EUR"}, "due_date": {"source": "due", "transform": ""}}'),
  ('off', '{"title": "t", "description": null, "status": null}'),
  ('own words kept elsewhere', '{"status": "s.id", "source_status": "s.name", "priority": "p"}'),
  ('rules', '{"work_order": {"title": "t"}, "rules": [{"direction": "outbound", "target": "plant", "default": "HH-1", "on_operation": "create"},
     {"direction": "inbound", "target": "title", "source": "t", "owner": "hub"}, {"direction": "outbound", "target": "kind", "source": ["work_type", "issue_type"]}]}'),
  ('rules alone', '{"work_order": {}, "rules": [{"direction": "inbound", "target": "title", "source": "t", "on_operation": "update"}]}')
) AS m(what, mapping), comes_back(m.mapping::jsonb) c;

-- Rows that were written by hand, and rows that short-hand would make and that were removed.
SELECT count(*) FROM cmms.set_field_mapping('hub_c', '{"title": "t", "status": "s", "requester": "r", "total_cost": "c"}');
DELETE FROM cmms.field_map WHERE direction = 'outbound' AND target = 't' OR target = 'source_status';
UPDATE cmms.field_map SET owner = 'manual' WHERE target = 'requester';
UPDATE cmms.field_map SET transform = 'string' WHERE direction = 'outbound' AND target = 'c';
SELECT jsonb_pretty(cmms.field_mapping('hub_c'));
CREATE TEMPORARY TABLE before AS SELECT * FROM rule;
SELECT count(*) FROM cmms.set_field_mapping('hub_c', cmms.field_mapping('hub_c'));
SELECT (SELECT count(*) FROM (TABLE before EXCEPT TABLE rule) d) AS missing, (SELECT count(*) FROM (TABLE rule EXCEPT TABLE before) d) AS added;

-- No map of its own; with the rules of its type, which do the same when they are set.
DELETE FROM cmms.field_map;
CREATE SERVER plant_f FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9/api/v1', entity_id '14');
SELECT cmms.field_mapping('hub_c') IS NULL AS none, cmms.field_mapping('plant_f', with_defaults => true);
CREATE TEMPORARY TABLE in_force AS SELECT * FROM cmms.effective_field_map('plant_f');
SELECT count(*) > 0 AS set FROM cmms.set_field_mapping('plant_f', cmms.field_mapping('plant_f', with_defaults => true));
SELECT (SELECT count(*) FROM in_force) AS rules,
       count(*) FILTER (WHERE NOT e.is_own OR f.target IS NULL) AS differ
FROM cmms.effective_field_map('plant_f') e
LEFT JOIN in_force f ON (f.direction, f.target, f.required, f.on_operation, f.owner) = (e.direction, e.target, e.required, e.on_operation, e.owner)
  AND (f.source, f.transform, f.default_value) IS NOT DISTINCT FROM (e.source, e.transform, e.default_value);
DELETE FROM cmms.field_map;
DROP SERVER plant_f;

-- What a value becomes.
SELECT cmms.translated_value('hub_c', 'status', 'Open'), cmms.translated_value('hub_c', 'status', 'Parked') IS NULL AS unmapped,
       cmms.translated_value('hub_c', 'priority', 'high', 'outbound'), cmms.translated_value('hub_c', 'colour', 'red') IS NULL AS unknown;

-- Bad input.
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"work_order": {"title": "t"}, "rules": {}}')$$);
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"work_order": {"title": "t"}, "rules": [1]}')$$);
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"work_order": {"title": "t"}, "rules": [{"target": "a", "direction": "up"}]}')$$);
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"work_order": {}, "rules": [{"target": "a", "direction": "outbound", "owner": "me"}]}')$$);
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"work_order": {}, "rules": [{"target": "a", "direction": "outbound", "on_operation": "never"}]}')$$);
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"work_order": {}, "rules": [{"target": "a", "direction": "outbound", "colour": "red"}]}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"work_order": {}}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.set_field_mapping('hub_c', '{"title": "a", "description": "a"}')$$);
SELECT state, message FROM raised($$SELECT cmms.field_mapping('nowhere')$$);
SELECT count(*) AS kept FROM cmms.field_map;

-- A new record that lacks what is required is held; one that is there already keeps the field that is not mentioned.
CREATE FUNCTION send(document text, OUT outcome text, OUT detail text) LANGUAGE sql AS
  $$ SELECT i.outcome, i.detail FROM cmms.ingest_webhook('hub_c', convert_to(document, 'UTF8')) i $$;
SELECT count(*) FROM cmms.set_field_mapping('hub_c', '{"id": "id", "title": {"source": "title", "required": true}, "requester": {"source": "by", "default": "nobody"}}');
SELECT * FROM send('{"work_order": {"id": "1", "status": "open"}}');
SELECT * FROM send('{"work_order": {"id": "1", "title": null, "status": "open"}}');
SELECT * FROM send('{"work_order": {"id": "1", "title": "", "status": "open"}}');
SELECT source_record_id, problems -> 0 ->> 'kind' AS kind, problems -> 0 ->> 'target' AS target FROM cmms.held_record;
SELECT count(*) FROM cmms.work_order;
SELECT * FROM send('{"work_order": {"id": "1", "title": "Pump", "status": "open"}}');
SELECT * FROM send('{"work_order": {"id": "1", "status": "in_progress", "by": "eve"}}');
SELECT * FROM send('{"work_order": {"id": "1", "status": "completed"}}');
SELECT * FROM send('{"work_order": {"id": "2", "title": "Fan", "status": "weird"}}');
SELECT source_work_order_id, title, requester, common_status FROM cmms.work_order;
SELECT count(*) AS held FROM cmms.held_record;
SELECT outcome FROM send('{"work_order": {"id": "3", "title": "Valve"}}');
SELECT title, requester, source_fields ->> 'requester' AS said FROM cmms.work_order WHERE source_work_order_id = '3';
SELECT outcome FROM send('{"work_order": {"id": "3", "title": "Valve"}}');
-- Deleted here, not yet there: what comes of it now is neither a new record nor a faulty one.
DELETE FROM cmms.work_order WHERE source_work_order_id = '3';
SELECT * FROM send('{"work_order": {"id": "3", "status": "weird"}}');
SELECT count(*) AS held FROM cmms.held_record WHERE source_record_id = '3';

DELETE FROM cmms.work_order; DELETE FROM cmms.outbox; DELETE FROM cmms.event; DELETE FROM cmms.webhook_event;
DELETE FROM cmms.held_record; DELETE FROM cmms.unmapped_value; DELETE FROM cmms.field_map; DELETE FROM cmms.value_map;
DROP FUNCTION send; DROP FUNCTION comes_back;
