-- Vocabularies as shipped, and extended by a DBA.
SELECT name, is_final FROM cmms.common_status ORDER BY sort_order;
SELECT name FROM cmms.priority ORDER BY sort_order;
SELECT name FROM cmms.sync_state ORDER BY name;
SELECT name, sqlstate FROM cmms.error_class ORDER BY sqlstate;
SELECT name FROM cmms.mode ORDER BY name;
SELECT name FROM cmms.event_type ORDER BY name;

BEGIN;
INSERT INTO cmms.common_status (name, sort_order, description) VALUES ('waiting_parts', 65, 'Parts are on order');
INSERT INTO cmms.transition (from_status, to_status, verb) VALUES ('in_progress', 'waiting_parts', 'order parts'), ('waiting_parts', 'in_progress', 'resume');
INSERT INTO cmms.work_order (provider_id, title, common_status) VALUES ('plant_a', 'Pump', 'in_progress');
UPDATE cmms.work_order SET common_status = 'waiting_parts';
SELECT s.common_status, s.verb FROM cmms.work_order w, cmms.allowed_statuses(w.common_work_order_id) s;
ROLLBACK;

-- Names are simple words, and a word in use stays.
SELECT state, message FROM raised($$INSERT INTO cmms.priority VALUES ('Very High', 5, '')$$);
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, priority) VALUES ('plant_a', 'Pump', 'low');
SELECT state FROM raised($$DELETE FROM cmms.priority WHERE name = 'low'$$);
ROLLBACK;

-- A statement's new orders name what is in the vocabularies, all of them, whoever inserts them.
SELECT state, message, detail FROM raised($$INSERT INTO cmms.work_order (provider_id, title, common_status) VALUES ('plant_a', 'Pump', 'paused')$$);
SELECT state, detail FROM raised($$INSERT INTO cmms.work_order (provider_id, title, priority) VALUES ('plant_a', 'Pump', '')$$);
SELECT state, detail FROM raised($$INSERT INTO cmms.work_order (provider_id, title, priority)
  SELECT 'plant_a', 'Pump ' || n, CASE n WHEN 700 THEN 'urgent' ELSE 'low' END FROM generate_series(1, 1000) n$$);
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, common_status, priority) SELECT 'plant_a', 'Pump ' || n, 'triaged', 'low' FROM generate_series(1, 3) n;
SELECT state FROM raised($$UPDATE cmms.work_order SET priority = 'urgent' WHERE title = 'Pump 2'$$);
SELECT state FROM raised($$UPDATE cmms.common_status SET name = 'looked_at' WHERE name = 'triaged'$$);
ROLLBACK;
SELECT count(*) FROM cmms.work_order WHERE title LIKE 'Pump%';

-- It is no function to be called, nor a trigger of another kind.
SELECT state, message, detail FROM raised($$CREATE TEMPORARY TABLE other (common_status text); CREATE TRIGGER t AFTER INSERT ON other
  FOR EACH ROW EXECUTE FUNCTION cmms.work_order_inserted(); INSERT INTO other VALUES ('x')$$);
SELECT state, message FROM raised($$CREATE TEMPORARY TABLE wrong (provider_id integer, tenant_id text); CREATE TRIGGER t BEFORE INSERT ON wrong
  FOR EACH ROW EXECUTE FUNCTION cmms.work_order_new(); INSERT INTO wrong VALUES (1)$$);
