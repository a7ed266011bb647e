-- A table that knows nothing of pg_cmms takes part by a trigger.
CREATE SCHEMA facility;
CREATE TABLE facility.ticket (ticket_id integer PRIMARY KEY, subject text, urgency text, state text DEFAULT 'open', note text);
SELECT target, source, transform FROM cmms.set_row_mapping('plant_a', 'ticket',
  '{"key": "ticket_id", "title": "subject", "priority": {"source": "urgency", "transform": "map priority"},
    "common_status": {"source": "state", "transform": "map status"}}') ORDER BY target;
SELECT cmms.map_value('plant_a', 'priority', '1', 'high', 'row', 'ticket'), cmms.map_value('plant_a', 'status', 'open', 'requested', 'row', 'ticket'),
       cmms.map_value('plant_a', 'status', 'fixed', 'completed', 'row', 'ticket');
CREATE TRIGGER to_cmms AFTER INSERT OR UPDATE OR DELETE ON facility.ticket FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('plant_a', 'ticket');

INSERT INTO facility.ticket VALUES (1, 'Door squeaks', '1'), (2, 'Lamp flickers', '1');
SELECT r.row_key, t.subject, w.title, r.common_status, w.priority, r.sync_state, r.table_name
FROM facility.ticket t JOIN cmms.row_status r ON r.map_name = 'ticket' AND r.row_key = t.ticket_id::text
JOIN cmms.work_order w USING (common_work_order_id) ORDER BY 1;
UPDATE facility.ticket SET state = 'fixed' WHERE ticket_id = 1;
UPDATE facility.ticket SET note = 'not mapped';
DELETE FROM facility.ticket WHERE ticket_id = 2;
SELECT w.title, w.common_status, q.operation, q.change_seq FROM cmms.work_order w JOIN cmms.outbox q ON q.record_id = w.common_work_order_id ORDER BY 1;

-- A row that cannot be mapped is held; its own change goes on. Mapping the value lets it through.
INSERT INTO facility.ticket VALUES (3, 'Roof leaks', '9');
SELECT row_key, sync_state, last_error FROM cmms.row_status WHERE row_key = '3';
SELECT vocabulary, direction, value, occurrences FROM cmms.unmapped_value;
SELECT cmms.map_value('plant_a', 'priority', '9', 'low', 'row', 'ticket');
SELECT w.title, w.priority FROM cmms.row_status r JOIN cmms.work_order w USING (common_work_order_id) WHERE r.row_key = '3';
SELECT count(*) FROM cmms.held_record;

-- A priority of the DBA's own is known as soon as it is there.
BEGIN;
INSERT INTO cmms.priority (name, sort_order) VALUES ('whenever', 60);
INSERT INTO facility.ticket VALUES (5, 'Paint', 'whenever');
SELECT w.priority FROM cmms.row_status r JOIN cmms.work_order w USING (common_work_order_id) WHERE r.row_key = '5';
ROLLBACK;

-- A generated column, where the server has them a virtual one: it is read as in a query.
SELECT CASE WHEN current_setting('server_version_num')::integer >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END AS kept \gset
CREATE TABLE facility.machine (machine_id integer PRIMARY KEY, name text, room text, label text GENERATED ALWAYS AS (name || ' in ' || room) :kept);
SELECT target, source FROM cmms.set_row_mapping('plant_a', 'machine', '{"title": "label"}');
CREATE TRIGGER to_cmms AFTER INSERT OR UPDATE OR DELETE ON facility.machine FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('plant_a', 'machine');
INSERT INTO facility.machine VALUES (1, 'Press', 'hall A'), (2, 'Lathe', NULL);
SELECT r.row_key, w.title, r.sync_state FROM cmms.row_status r LEFT JOIN cmms.work_order w USING (common_work_order_id) WHERE r.map_name = 'machine' ORDER BY 1;
UPDATE facility.machine SET room = 'hall B';
SELECT r.row_key, w.title, r.sync_state FROM cmms.row_status r LEFT JOIN cmms.work_order w USING (common_work_order_id) WHERE r.map_name = 'machine' ORDER BY 1;
DELETE FROM facility.machine;
SELECT title, common_status FROM cmms.work_order WHERE title LIKE '% in hall B' ORDER BY 1;
DROP TABLE facility.machine;

-- Rolled back with its transaction.
BEGIN;
INSERT INTO facility.ticket VALUES (4, 'Never was', '1');
ROLLBACK;
SELECT count(*) FROM cmms.row_link;

DROP SCHEMA facility CASCADE;
DELETE FROM cmms.outbox; DELETE FROM cmms.work_order; DELETE FROM cmms.event; DELETE FROM cmms.unmapped_value;
DELETE FROM cmms.field_map; DELETE FROM cmms.value_map;
