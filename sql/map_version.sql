-- Versions of maps: one for each transaction, kept whole, restored.
CREATE SERVER hub_version FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9');
SELECT count(*) FROM cmms.set_field_mapping('hub_version', '{"id": "AUFNR", "title": "KTEXT"}');
SELECT cmms.map_value('hub_version', 'priority', '1', 'emergency');
BEGIN;
UPDATE cmms.field_map SET owner = 'hub' WHERE provider_id = 'hub_version' AND direction = 'inbound' AND target = 'title';
INSERT INTO cmms.value_map (provider_id, vocabulary, direction, source_value, target_value) VALUES ('hub_version', 'priority', 'inbound', '2', 'high');
COMMIT;
-- A change that is taken back makes no version.
BEGIN;
DELETE FROM cmms.field_map WHERE provider_id = 'hub_version';
ROLLBACK;
-- Nor does a statement that touches nothing.
UPDATE cmms.field_map SET owner = 'hub' WHERE provider_id = 'nobody';
SELECT v.map_version - min(v.map_version) OVER () AS version, jsonb_array_length(v.field_map) AS rules, jsonb_array_length(v.value_map) AS values,
       (SELECT count(*) FROM jsonb_array_elements(v.field_map) f WHERE f ->> 'owner' = 'hub') AS owned_by_hub
FROM cmms.map_version v WHERE v.provider_id = 'hub_version' ORDER BY v.map_version DESC LIMIT 3;

-- What is applied says by which version.
SELECT outcome FROM cmms.ingest_webhook('hub_version', '{"event": "work_order.updated", "work_order": {"AUFNR": "v1", "KTEXT": "Belt"}}');
SELECT (e.detail ->> 'map_version')::integer = (SELECT max(map_version) FROM cmms.map_version WHERE provider_id = 'hub_version') AS is_current
FROM cmms.event e ORDER BY e.event_id DESC LIMIT 1;

-- An old version comes back as a new one, and is in use at once.
SELECT max(map_version) AS last FROM cmms.map_version WHERE provider_id = 'hub_version' \gset
SELECT cmms.restore_map_version('hub_version', :last - 1) - :last AS made;
SELECT restored_from - :last AS restored_from, jsonb_array_length(value_map) AS values FROM cmms.map_version WHERE provider_id = 'hub_version' AND map_version = :last + 1;
SELECT owner, source FROM cmms.field_map WHERE provider_id = 'hub_version' AND direction = 'inbound' AND target = 'title';
SELECT outcome FROM cmms.ingest_webhook('hub_version', '{"event": "work_order.updated", "work_order": {"AUFNR": "v1", "KTEXT": "Belt torn"}}');
SELECT title FROM cmms.work_order WHERE source_work_order_id = 'v1';
-- Version 0 is the type's defaults.
SELECT cmms.restore_map_version('hub_version', 0) > 0 AS made;
SELECT count(*) FROM cmms.field_map WHERE provider_id = 'hub_version';

SELECT state, message FROM raised($$SELECT cmms.restore_map_version('hub_version', 9999)$$);
SELECT state, message FROM raised($$SELECT cmms.restore_map_version('nowhere', 1)$$);
CREATE ROLE map_stranger;
GRANT USAGE ON SCHEMA cmms TO map_stranger;
GRANT EXECUTE ON FUNCTION cmms.restore_map_version(text, integer) TO map_stranger;
SET ROLE map_stranger;
SELECT cmms.restore_map_version('hub_version', 1);
RESET ROLE;
DROP OWNED BY map_stranger;
DROP ROLE map_stranger;
-- Nothing is left for the other tests.
DELETE FROM cmms.work_order;
DELETE FROM cmms.outbox;
DELETE FROM cmms.field_map;
DELETE FROM cmms.value_map;
DELETE FROM cmms.event;
DELETE FROM cmms.webhook_event;
DROP SERVER hub_version;
