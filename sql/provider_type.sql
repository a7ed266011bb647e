-- Descriptors are checked when they are written.
CREATE FUNCTION descriptor(more jsonb DEFAULT '{}', resource jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('type', 'acme', 'name', 'Acme', 'resources', jsonb_build_object('work_order', '{"id": "$.id"}'::jsonb || resource)) || more
$$;
CREATE FUNCTION refused(descriptor jsonb, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE sql AS $$
  SELECT * FROM raised(format('INSERT INTO cmms.provider_type (provider_type, descriptor) VALUES (''acme'', %L)', $1))
$$;
SELECT state, message, detail, hint ~ '^Known members: .*options, .*resources, ' AS lists_them FROM refused(descriptor('{"optionz": {}}'));
SELECT state, message, hint FROM refused(descriptor(resource => '{"create": {"method": "POST"}}'));
SELECT state, message, hint FROM refused(descriptor(resource => '{"create": {"method": "POST", "path": "/orders", "headers": {"X-Key": 1}}}'));
SELECT state, message, hint FROM refused(descriptor(resource => '{"create": {"method": "POST", "path": "{orders}"}}'));
SELECT state, message, hint FROM refused(descriptor(resource => '{"updated_at": "$["}'));
SELECT state, message FROM refused(descriptor(resource => '{"fields": {"outbound": [{"target": "a", "source": "title", "transform": "shout"}]}}'));
SELECT state, message, hint FROM refused(descriptor(resource => '{"aliases": {"AUFNR": "order[0]"}}'));
SELECT state, message, hint FROM refused(descriptor(resource => '{"aliases": {"AUFNR": {}}}'));
SELECT state, message, hint FROM refused('[]');
SELECT * FROM refused(descriptor('{"type": "other"}'));

-- A server of the type must still fit, whatever it uses: options, credentials, maps.
INSERT INTO cmms.provider_type (provider_type, descriptor) VALUES ('acme', descriptor('{
  "options": {"site": {"description": "Site."}, "page_size": {"format": "integer", "description": "Page size."}},
  "credentials": {"key": {"description": "Key."}}}', '{"aliases": {"AUFNR": "order_id"}}'));
CREATE SERVER acme FOREIGN DATA WRAPPER cmms OPTIONS (type 'acme', base_url 'http://127.0.0.1:9', site 'HH-1', page_size '100');
CREATE USER MAPPING FOR PUBLIC SERVER acme OPTIONS (key 'secret');
SELECT * FROM raised($$UPDATE cmms.provider_type SET descriptor = descriptor #- '{options,site}' WHERE provider_type = 'acme'$$);
SELECT state, message, detail FROM raised($$UPDATE cmms.provider_type SET descriptor = jsonb_set(descriptor, '{options,page_size,maximum}', '50') WHERE provider_type = 'acme'$$);
SELECT state, message, detail FROM raised($$UPDATE cmms.provider_type SET descriptor = descriptor - 'credentials' WHERE provider_type = 'acme'$$);
SELECT cmms.provider_setting('acme', 'site');
ALTER SERVER acme OPTIONS (DROP site);
UPDATE cmms.provider_type SET descriptor = descriptor #- '{options,site}' WHERE provider_type = 'acme';
SELECT state, message FROM raised($$ALTER SERVER acme OPTIONS (ADD site 'HH-1')$$);
-- An upgrade of a shipped row is not held up.
BEGIN;
INSERT INTO cmms.provider_type (provider_type, descriptor, built_in)
SELECT 'acme2', descriptor('{"type": "acme2"}'), true;
CREATE SERVER acme2 FOREIGN DATA WRAPPER cmms OPTIONS (type 'acme2', base_url 'http://127.0.0.1:9');
DELETE FROM cmms.provider_type WHERE provider_type = 'acme2';
INSERT INTO cmms.provider_type (provider_type, descriptor, built_in)
SELECT 'acme2', descriptor('{"type": "acme2", "options": {"site": {"required": true, "description": "The site."}}}'), true;
-- The server says at its next use what it lacks.
SELECT state, message, hint FROM raised($$SELECT cmms.provider_setting('acme2', 'base_url')$$);
ROLLBACK;

-- A dump's row is kept as it was, even where this version would refuse it; its servers say so when they are used.
BEGIN;
SET LOCAL check_function_bodies = off;
SET LOCAL row_security = off;
UPDATE cmms.provider_type SET descriptor = descriptor || '{"optionz": {}}' WHERE provider_type = 'acme';
SELECT state, message, detail FROM raised($$SELECT cmms.provider_setting('acme', 'site')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.describe_provider('acme')$$);
ROLLBACK;

-- Fields may be called by an alias in a DBA's maps.
UPDATE cmms.provider_type SET descriptor = jsonb_set(jsonb_set(descriptor, '{resources,work_order,aliases}', '{"AUFNR": "order_id", "KTEXT": "short_text"}'),
  '{resources,work_order,fields}', '{"outbound": [{"target": "short_text", "source": "title"}]}') WHERE provider_type = 'acme';
SELECT direction, target, source FROM cmms.set_field_mapping('acme', '{"work_order": {"id": "AUFNR", "title": "KTEXT"}}');
SELECT cmms.field_mapping('acme'), cmms.field_mapping('acme', with_defaults => true);
SELECT direction, target, source, is_own FROM cmms.effective_field_map('acme');
SELECT target, rule, result FROM cmms.preview_inbound('acme', 'work_order', '{"order_id": "4711", "short_text": "Pump"}');
SELECT state, message, hint FROM raised($$INSERT INTO cmms.field_map (provider_id, direction, target, source) VALUES ('acme', 'outbound', 'short_text', 'description')$$);
DROP SERVER acme CASCADE;
DELETE FROM cmms.field_map;
DELETE FROM cmms.provider_type WHERE provider_type = 'acme';
DROP FUNCTION refused; DROP FUNCTION descriptor;
