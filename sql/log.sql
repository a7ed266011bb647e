-- The audit log takes rows and keeps them.
BEGIN;
INSERT INTO cmms.value_map (provider_id, vocabulary, direction, source_value, target_value) VALUES ('plant_a', 'status', 'inbound', 'Offen', 'requested');
UPDATE cmms.value_map SET target_value = 'triaged';
UPDATE cmms.value_map SET target_value = 'triaged';
DELETE FROM cmms.value_map;
INSERT INTO cmms.field_map (provider_id, direction, target, source) VALUES ('plant_a', 'inbound', 'title', 'subject');
SELECT action, provider_id, tenant_id, detail, actor = session_user AS by_me FROM cmms.audit_log WHERE provider_id = 'plant_a' AND action ~ '_map' ORDER BY audit_log_id;
SELECT * FROM raised('UPDATE cmms.audit_log SET actor = NULL');
SELECT state FROM raised('DELETE FROM cmms.audit_log');
SELECT state FROM raised('TRUNCATE cmms.audit_log');
ROLLBACK;
