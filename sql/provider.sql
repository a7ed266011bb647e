-- Activation.
SELECT * FROM raised($$SELECT cmms.activate('nowhere')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.activate('plant_a', mode => 'both')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.activate('plant_a')$$);
CREATE USER MAPPING FOR PUBLIC SERVER plant_a OPTIONS (api_key 'secret');
SELECT state FROM raised($$SELECT cmms.activate('plant_a', poll_interval => '1 ms')$$);
SELECT * FROM raised($$SELECT cmms.deactivate('plant_a')$$);
SELECT * FROM raised($$SELECT cmms.poll_now('plant_a')$$);

BEGIN;
SELECT cmms.activate('plant_a', mode => 'read', poll_interval => '5 min', import_since => '2026-01-01 00:00+00');
SELECT provider_id, tenant_id, mode, active, poll_interval, import_since = '2026-01-01 00:00+00' AS since FROM cmms.provider;
SELECT provider_id, circuit, consecutive_failures FROM cmms.provider_state;
SELECT tenant_id, provider_id, resource, cursor, next_poll_at = now() AS due FROM cmms.poll_cursor;
SELECT cmms.poll_now('plant_a');
-- Again: what is not said is reset, but for the start of the import.
SELECT cmms.activate('plant_a');
SELECT mode, poll_interval, import_since = '2026-01-01 00:00+00' AS since FROM cmms.provider;
SELECT cmms.deactivate('plant_a');
SELECT active FROM cmms.provider;
SELECT action, provider_id, detail ->> 'mode' AS mode, actor = session_user AS by_me FROM cmms.audit_log
WHERE action IN ('activate', 'deactivate') ORDER BY audit_log_id;
ROLLBACK;

-- Paused and resumed: nothing else changes, and activation does not end it.
SELECT * FROM raised($$SELECT cmms.pause_provider('nowhere')$$);
SELECT * FROM raised($$SELECT cmms.pause_provider('plant_a')$$);
BEGIN;
SELECT cmms.activate('plant_a');
SELECT cmms.pause_provider('plant_a', 'maintenance');
SELECT active, paused_at = now() AS paused, paused_by = session_user AS by_me, pause_reason FROM cmms.sync_health WHERE provider_id = 'plant_a';
-- Changes are queued.
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'A');
SELECT state FROM cmms.outbox;
SELECT cmms.activate('plant_a');
SELECT cmms.pause_provider('plant_a');
SELECT active, paused_at IS NOT NULL AS paused, pause_reason FROM cmms.sync_health WHERE provider_id = 'plant_a';
SELECT ok, detail FROM cmms.validate('plant_a') WHERE check_name = 'mode';
SELECT cmms.resume_provider('plant_a'), cmms.resume_provider('plant_a');
SELECT active, paused_at, paused_by, pause_reason FROM cmms.sync_health WHERE provider_id = 'plant_a';
SELECT action, provider_id, detail FROM cmms.audit_log WHERE action IN ('pause', 'resume') ORDER BY audit_log_id;
-- The verb on orders still takes a literal.
SELECT state, message FROM raised($$SELECT cmms.resume('00000000-0000-0000-0000-000000000000')$$);
ROLLBACK;

-- The server's owner decides, nobody else.
CREATE ROLE regress_cmms_owner;
CREATE ROLE regress_cmms_other;
GRANT USAGE ON SCHEMA cmms TO regress_cmms_owner, regress_cmms_other;
GRANT EXECUTE ON FUNCTION cmms.activate, cmms.pause_provider, cmms.resume_provider TO regress_cmms_owner, regress_cmms_other;
GRANT USAGE ON FOREIGN DATA WRAPPER cmms TO regress_cmms_owner;
ALTER SERVER plant_a OWNER TO regress_cmms_owner;
BEGIN;
SET LOCAL ROLE regress_cmms_other;
SELECT state, message FROM raised($$SELECT cmms.activate('plant_a')$$);
SELECT state, message FROM raised($$SELECT cmms.pause_provider('plant_a')$$);
SELECT state, message FROM raised($$SELECT cmms.resume_provider('plant_a')$$);
SET LOCAL ROLE regress_cmms_owner;
SELECT state, message FROM raised($$SELECT cmms.activate('plant_a')$$);
ROLLBACK;
ALTER SERVER plant_a OWNER TO CURRENT_USER;
DROP OWNED BY regress_cmms_owner, regress_cmms_other;
DROP ROLE regress_cmms_owner, regress_cmms_other;

-- A row of one's own takes the place of the shipped descriptor, an update keeps it; both are dumped then.
BEGIN;
UPDATE cmms.provider_type SET descriptor = descriptor || '{"note": "ours"}' WHERE provider_type = 'custom';
SELECT built_in FROM cmms.provider_type WHERE provider_type = 'custom';
INSERT INTO cmms.provider_type (provider_type, descriptor) SELECT 'clickmaint', descriptor FROM cmms.provider_type WHERE provider_type = 'clickmaint';
SELECT provider_type, built_in FROM cmms.provider_type WHERE provider_type IN ('clickmaint', 'custom') ORDER BY 1;
SELECT action, detail #>> '{new,provider_type}' AS provider_type FROM cmms.audit_log WHERE action LIKE 'provider_type.%' ORDER BY audit_log_id;
ROLLBACK;

-- The restore guard. A row that a dump brings along, or one that is copied with the database, names another one.
SELECT cmms.is_armed();
BEGIN;
INSERT INTO cmms.armed_database (system_identifier, database_oid) SELECT system_identifier, 1 FROM cmms.armed_database;
SELECT cmms.is_armed(), (SELECT bool_or(armed) FROM cmms.sync_health);
SELECT cmms.activate('plant_a');
CREATE ROLE regress_cmms_other;
GRANT USAGE ON SCHEMA cmms TO regress_cmms_other;
GRANT EXECUTE ON FUNCTION cmms.arm TO regress_cmms_other;
SET LOCAL ROLE regress_cmms_other;
SELECT * FROM raised('SELECT cmms.arm()');
RESET ROLE;
SELECT cmms.arm(), cmms.arm();
SELECT cmms.is_armed(), (SELECT bool_and(armed) FROM cmms.sync_health), (SELECT count(*) FROM cmms.armed_database);
SELECT action, tenant_id, provider_id, detail FROM cmms.audit_log WHERE action = 'arm';
UPDATE cmms.armed_database SET system_identifier = system_identifier + 1;
SELECT cmms.is_armed();
DELETE FROM cmms.armed_database;
SELECT cmms.is_armed();
ROLLBACK;
