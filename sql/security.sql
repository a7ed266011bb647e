-- Tenants are walls.
CREATE ROLE regress_cmms_reader;
CREATE ROLE regress_cmms_writer;
CREATE ROLE regress_cmms_mixed;
CREATE ROLE regress_cmms_nobody;
SELECT state, message, hint FROM raised($$SELECT cmms.grant_access('regress_cmms_reader', level => 'all')$$);
SELECT state FROM raised($$SELECT cmms.grant_access('regress_cmms_no_such_role')$$);
SELECT cmms.grant_access('regress_cmms_reader', level => 'read');
SELECT cmms.grant_access('regress_cmms_writer', 'acme');
SELECT cmms.grant_access('regress_cmms_mixed', 'acme', 'write'), cmms.grant_access('regress_cmms_mixed', 'default', 'read');
GRANT EXECUTE ON FUNCTION raised TO PUBLIC;

BEGIN;
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title) VALUES
  ('00000000-0000-0000-0000-00000000000a', 'plant_a', 'of default'), ('00000000-0000-0000-0000-00000000000b', 'plant_b', 'of acme');
INSERT INTO cmms.provider (provider_id, tenant_id) VALUES ('plant_a', 'default'), ('plant_b', 'acme');
INSERT INTO cmms.field_map (provider_id, direction, target, source) VALUES ('plant_a', 'inbound', 'title', 'a'), ('plant_b', 'inbound', 'title', 'b');

SET LOCAL ROLE regress_cmms_reader;
SELECT tenant_id, title FROM cmms.work_order;
SELECT tenant_id, title FROM cmms.work_order_overview;
SELECT provider_id FROM cmms.sync_health ORDER BY 1;
SELECT source FROM cmms.field_map;
SELECT count(*) FROM cmms.event;
SELECT tenant_id FROM cmms.tenant_access;
SELECT count(*) FROM cmms.allowed_statuses('00000000-0000-0000-0000-00000000000a');
SELECT count(*) FROM cmms.allowed_statuses('00000000-0000-0000-0000-00000000000b');
SELECT state, message FROM raised($$INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'x')$$);
SELECT state, message FROM raised($$SELECT cmms.retry('00000000-0000-0000-0000-00000000000a')$$);
SELECT state, message FROM raised($$SELECT cmms.activate('plant_a')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.event_default$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.audit_log$$);

SET LOCAL ROLE regress_cmms_writer;
SELECT tenant_id, title FROM cmms.work_order;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_b', 'new of acme');
SELECT state, message FROM raised($$INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'x')$$);
UPDATE cmms.work_order SET priority = 'high';
DELETE FROM cmms.work_order WHERE title <> 'new of acme';
SELECT w.provider_id, w.title, q.operation FROM cmms.outbox q JOIN cmms.work_order w ON w.common_work_order_id = q.record_id ORDER BY 2;
SELECT title, changed_by FROM cmms.status_history JOIN cmms.work_order USING (common_work_order_id);
SELECT cmms.retry(common_work_order_id) FROM cmms.work_order;
SELECT state, message FROM raised($$SELECT cmms.retry('00000000-0000-0000-0000-00000000000a')$$);
SELECT state, message FROM raised($$DELETE FROM cmms.outbox$$);

-- Reading here and writing there are two things.
SET LOCAL ROLE regress_cmms_mixed;
SELECT tenant_id, title FROM cmms.work_order ORDER BY title;
UPDATE cmms.work_order SET priority = 'low';
SELECT tenant_id, priority FROM cmms.work_order ORDER BY 1;
SELECT state FROM raised($$INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'x')$$);
SELECT cmms.approve('00000000-0000-0000-0000-00000000000a');

SET LOCAL ROLE regress_cmms_nobody;
SELECT state, message FROM raised($$SELECT * FROM cmms.work_order$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.sync_health$$);
RESET ROLE;

-- apply_news is for pg_cmms itself.
SELECT state, message FROM raised($$SELECT * FROM cmms.apply_news('default', gen_random_uuid(), '0', '{}', '{}', '{}', NULL, NULL, 0, false)$$);

-- Taken back.
DELETE FROM cmms.tenant_access WHERE role_name = 'regress_cmms_reader';
SET LOCAL ROLE regress_cmms_reader;
SELECT count(*) FROM cmms.work_order;
ROLLBACK;

-- A restored row is kept as it was.
BEGIN;
SET LOCAL check_function_bodies = off;
SET LOCAL row_security = off;
INSERT INTO cmms.work_order (tenant_id, provider_id, title, sync_state, common_status) VALUES ('default', 'plant_a', 'restored', 'synchronized', 'completed');
UPDATE cmms.work_order SET common_status = 'requested';
SELECT tenant_id, sync_state, completed_at FROM cmms.work_order;
SELECT (SELECT count(*) FROM cmms.outbox) AS queued, (SELECT count(*) FROM cmms.event) AS events, (SELECT count(*) FROM cmms.status_history) AS history;
ROLLBACK;

DELETE FROM cmms.tenant_access WHERE role_name LIKE 'regress_cmms_%';
DROP OWNED BY regress_cmms_reader, regress_cmms_writer, regress_cmms_mixed, regress_cmms_nobody;
DROP ROLE regress_cmms_reader, regress_cmms_writer, regress_cmms_mixed, regress_cmms_nobody;
