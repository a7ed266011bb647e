-- The handoff report: stable, valid Markdown, and never a secret.
CREATE SERVER handoff FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'https://cmms.example.com/api', entity_id '12', tenant 'handoff');
CREATE USER MAPPING FOR PUBLIC SERVER handoff OPTIONS (api_key 'planted|secret-1', webhook_secret 'whsec_cGxhbnRlZC1zZWNyZXQtMg==');
CREATE ROLE regress_cmms_planner;
SELECT cmms.grant_access('regress_cmms_planner', 'handoff', 'read');
-- Documents that try to break a table, and one that carries the secret.
SELECT outcome FROM cmms.import_records('handoff', jsonb_build_array(
  jsonb_build_object('id', 1, 'title', E'Pump | leaks\r\n<b>badly</b> `rm` \\ [x](y)', 'description', 'the key is planted|secret-1', 'status', jsonb_build_object('id', 5, 'name', 'Open'),
                     'priority', 'high', 'due_date', '2026-03-01T12:00:00Z'),
  jsonb_build_object('id', 2, 'title', 'Fan', 'status', jsonb_build_object('id', 9, 'name', 'Parked'), 'priority', 'low')));
SELECT cmms.map_value('handoff', 'status', 'Geparkt', 'on_hold'), cmms.map_value('handoff', 'status', 'REL', 'approved', match => 'contains_code'),
       cmms.map_value('handoff', 'status', 'Waiting + *', 'on_hold', match => 'pair');
CREATE TEMPORARY TABLE report AS
SELECT line, row_number() OVER () AS place FROM regexp_split_to_table(cmms.handoff_report('handoff'), '\n') line;
-- Whether the worker runs, and how connections do, is no matter of this test.
SELECT line FROM report WHERE line !~ '\| (sync worker|circuit|connection) \|' ORDER BY place;
SELECT count(*) AS secrets FROM report WHERE line ~ 'planted|cGxhbnRl';
CREATE FUNCTION cells(line text) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$ SELECT count(*) FROM regexp_matches(line, '(?<!\\)\|', 'g') $$;
-- Each row of a table has as many cells as its header.
SELECT count(*) FILTER (WHERE line LIKE '|%') > 80 AS has_rows, count(*) FILTER (WHERE line LIKE '|%' AND cells <> header_cells) AS ragged
FROM (SELECT line, cells(line) AS cells,
             first_value(cells(line)) OVER (PARTITION BY block ORDER BY place) AS header_cells
      FROM (SELECT *, count(*) FILTER (WHERE line NOT LIKE '|%') OVER (ORDER BY place) AS block FROM report) b WHERE line LIKE '|%') t;
SELECT cmms.markdown_row('a|b', E'c\nd', NULL, '', '<x> & \|');

-- A bare provider, and who may ask.
SELECT count(*) > 50 AS long_enough FROM regexp_split_to_table(cmms.handoff_report('hub_c'), '\n');
SELECT state, message FROM raised($$SELECT cmms.handoff_report('nowhere')$$);
GRANT EXECUTE ON FUNCTION raised TO PUBLIC;
GRANT EXECUTE ON FUNCTION cmms.handoff_report(text) TO regress_cmms_planner;
SET ROLE regress_cmms_planner;
SELECT state, message FROM raised($$SELECT cmms.handoff_report('handoff')$$);
RESET ROLE;

DROP OWNED BY regress_cmms_planner;
DELETE FROM cmms.tenant_access WHERE role_name = 'regress_cmms_planner';
DROP ROLE regress_cmms_planner;
DROP FUNCTION cells;
DROP SERVER handoff CASCADE;
DELETE FROM cmms.work_order; DELETE FROM cmms.outbox; DELETE FROM cmms.event; DELETE FROM cmms.held_record; DELETE FROM cmms.unmapped_value;
DELETE FROM cmms.field_map; DELETE FROM cmms.value_map; DELETE FROM cmms.provider_value;
