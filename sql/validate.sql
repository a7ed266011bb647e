-- The acceptance checklist and the gate before activation.
CREATE SERVER gate FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9', required_fields 'plant, title');
CREATE SERVER polled FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9', changed_since_parameter 'since');

-- What the provider requires must be mapped.
SELECT count(*) > 0 AS mapped FROM cmms.set_field_mapping('gate', '{"id": "id", "status": "state"}');
SELECT state, message, detail, hint FROM raised($$SELECT cmms.activate('gate')$$);
SELECT count(*) AS activated FROM cmms.provider WHERE provider_id = 'gate';
SELECT check_name, ok, detail, action FROM cmms.validate('gate') WHERE check_name <> 'sync worker';
SELECT count(*) > 0 AS mapped FROM cmms.set_field_mapping('gate', '{"id": "id", "status": "state", "title": "title", "work_type": "plant", "asset_id": "asset"}');

-- Webhooks that nobody could verify, and credentials that cannot be read.
ALTER SERVER gate OPTIONS (ADD webhook_scheme 'standard_webhooks');
SELECT state, message, detail FROM raised($$SELECT cmms.activate('gate')$$);
CREATE USER MAPPING FOR PUBLIC SERVER gate OPTIONS (api_key_file '/nonexistent/key', webhook_secret 'whsec_c2VjcmV0');
SELECT state, message, detail FROM raised($$SELECT cmms.activate('gate')$$);
SELECT credential, required, is_given, is_file, problem FROM cmms.credential_status('gate') ORDER BY 1;
ALTER USER MAPPING FOR PUBLIC SERVER gate OPTIONS (DROP api_key_file, ADD api_key 'planted-secret');
SELECT cmms.activate('gate', mode => 'read', poll_interval => '1 day');

-- Findings: a value and a record that wait, a status that has no word there, no way in.
SELECT outcome FROM cmms.import_records('gate', '[{"id": 1, "state": "Parked", "title": "planted-secret"}, {"id": 2, "state": "closed"}]');
INSERT INTO cmms.common_status (name, sort_order) VALUES ('archived', 100);
INSERT INTO cmms.provider_value (tenant_id, provider_id, vocabulary, value_id, value_name) VALUES ('default', 'gate', 'status', '7', 'Abandoned'), ('default', 'gate', 'status', '8', 'Closed');
SELECT check_name, ok, detail, action FROM cmms.validate('gate') WHERE ok IS FALSE AND check_name <> 'sync worker';
SELECT check_name, ok, detail FROM cmms.validate('gate') WHERE check_name IN ('mode', 'webhook signatures', 'tenant', 'audit records', 'transitions', 'failures rehearsed', 'way in', 'credentials', 'last push');
-- A reference in two spellings, a file, a conflict and an echo that was not quite one.
SELECT outcome FROM cmms.import_records('gate', '[{"id": 2, "state": "closed", "asset": "P-7"}, {"id": 3, "state": "closed", "asset": "P 7"}]');
SELECT cmms.attach(common_work_order_id, 'photo.jpg', 'image/jpeg', url => 'https://files.example.com/1') IS NOT NULL AS attached FROM cmms.work_order WHERE source_work_order_id = '3';
INSERT INTO cmms.conflict (tenant_id, provider_id, record_id, field, rule) SELECT tenant_id, provider_id, common_work_order_id, 'title', 'manual' FROM cmms.work_order WHERE source_work_order_id = '3';
INSERT INTO cmms.echo_count VALUES ('gate', 0, 4, 1);
SELECT check_name, ok, detail, action FROM cmms.validate('gate') WHERE check_name IN ('references', 'attachments', 'conflicts', 'echoes');
DELETE FROM cmms.conflict;
DELETE FROM cmms.echo_count;
SELECT cmms.merge_identity('asset', 'P 7', 'P-7');
SELECT cmms.map_value('gate', 'status', 'Parked', 'on_hold'), cmms.map_value('gate', 'status', 'Abandoned', 'cancelled'),
       cmms.map_value('gate', 'status', 'archived', 'gone', direction => 'outbound');
INSERT INTO cmms.transition VALUES ('closed', 'archived', 'archive', true), ('archived', 'closed', 'unarchive', true);
SELECT check_name, ok, detail FROM cmms.validate('gate') WHERE ok IS FALSE AND check_name <> 'sync worker';

SELECT check_name, ok, detail FROM cmms.validate('polled') WHERE check_name IN ('way in', 'last poll', 'webhook signatures');

-- A test of the connection is made when it is asked for; nobody listens there.
SELECT ok, detail LIKE 'not reachable%' AS said FROM cmms.validate('gate', probe => true) WHERE check_name = 'connection';

-- Options that are no longer valid, and who may ask.
BEGIN;
SET LOCAL check_function_bodies = off; SET LOCAL row_security = off;  -- as a dump brings them
UPDATE cmms.provider_type SET descriptor = jsonb_set(descriptor #- '{options,required_fields}', '{resources,work_order,required}', '[]') WHERE provider_type = 'custom';
RESET check_function_bodies; RESET row_security;
SELECT area, check_name, ok, detail, action IS NOT NULL AS told FROM cmms.validate('gate');
ROLLBACK;
SELECT state, message FROM raised($$SELECT * FROM cmms.validate('nowhere')$$);
CREATE ROLE regress_cmms_validator;
GRANT USAGE ON SCHEMA cmms TO regress_cmms_validator;
GRANT EXECUTE ON FUNCTION cmms.validate(text, boolean) TO regress_cmms_validator;
GRANT EXECUTE ON FUNCTION raised TO PUBLIC;
SET ROLE regress_cmms_validator;
SELECT state, message FROM raised($$SELECT * FROM cmms.validate('gate')$$);
RESET ROLE;
DROP OWNED BY regress_cmms_validator;
DROP ROLE regress_cmms_validator;

SELECT cmms.deactivate('gate');
DROP SERVER gate CASCADE;
DROP SERVER polled;
DELETE FROM cmms.provider WHERE provider_id = 'gate';
DELETE FROM cmms.provider_state WHERE provider_id = 'gate';
DELETE FROM cmms.transition WHERE 'archived' IN (from_status, to_status);
DELETE FROM cmms.common_status WHERE name = 'archived';
DELETE FROM cmms.work_order; DELETE FROM cmms.outbox; DELETE FROM cmms.event; DELETE FROM cmms.held_record; DELETE FROM cmms.unmapped_value;
DELETE FROM cmms.field_map; DELETE FROM cmms.value_map; DELETE FROM cmms.provider_value; DELETE FROM cmms.identity_alias;
