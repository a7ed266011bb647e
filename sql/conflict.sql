-- Both sides changed a field since they last agreed: every owner, and a person's decision.
CREATE SERVER hub_conflict FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9');
SELECT count(*) FROM cmms.set_field_mapping('hub_conflict', '{"id": "id", "title": "title", "description": "text", "requester": "who",
  "asset_id": "asset", "location_id": "place", "status": "state", "updated_at": "changed"}');
UPDATE cmms.field_map SET owner = CASE target WHEN 'description' THEN 'provider' WHEN 'requester' THEN 'hub' WHEN 'asset_ref' THEN 'manual' ELSE owner END
WHERE provider_id = 'hub_conflict' AND direction = 'inbound';

CREATE FUNCTION news(document text) RETURNS text LANGUAGE sql AS $$
  SELECT outcome || coalesce(': ' || detail, '') FROM cmms.ingest_webhook('hub_conflict', convert_to('{"event": "work_order.updated", "work_order": ' || document || '}', 'UTF8')) $$;
CREATE VIEW stands AS
  SELECT w.title, w.description, w.requester, w.asset_ref, w.location_ref, w.sync_state, w.last_error_class, q.changed_fields
  FROM cmms.work_order w LEFT JOIN cmms.outbox q ON q.record_id = w.common_work_order_id WHERE w.source_work_order_id = 'c1';
CREATE VIEW conflicts AS
  SELECT field, base_value, hub_value, provider_value, rule, winner, resolved_by IS NOT NULL AS by_person, note FROM cmms.conflict ORDER BY conflict_id;

SELECT news('{"id": "c1", "title": "t0", "text": "d0", "who": "r0", "asset": "a0", "place": "p0", "state": "approved", "changed": "2020-01-01T00:00:00Z"}');
-- We change all of it, the provider changes all of it; its time stamp is older than our change.
UPDATE cmms.work_order SET title = 't-hub', description = 'd-hub', requester = 'r-hub', asset_ref = 'a-hub', location_ref = 'p-new' WHERE source_work_order_id = 'c1';
SELECT news('{"id": "c1", "title": "t-prov", "text": "d-prov", "who": "r-prov", "asset": "a-prov", "place": "p-new", "state": "approved", "changed": "2020-01-02T00:00:00Z"}');
SELECT * FROM stands;
SELECT * FROM conflicts;
-- Said again: nothing new.
SELECT news('{"id": "c1", "title": "t-prov", "text": "d-prov", "who": "r-prov", "asset": "a-prov", "place": "p-new", "state": "approved", "changed": "2020-01-02T00:00:00Z"}');
SELECT count(*) FROM cmms.conflict;
-- Older news changes nothing, whoever owns the field.
SELECT news('{"id": "c1", "title": "t-old", "text": "d-old", "changed": "2019-01-01T00:00:00Z"}');
-- The later change stands where the newest owns: now the provider's is younger than ours.
SELECT news('{"id": "c1", "title": "t-late", "text": "d-prov", "who": "r-prov", "asset": "a-prov", "place": "p-new", "state": "approved", "changed": "2100-01-01T00:00:00Z"}');
SELECT title, changed_fields FROM stands;

-- The open one is an event and waits for a person.
SELECT event_type, detail FROM cmms.event WHERE event_type = 'sync.failed' ORDER BY event_id DESC LIMIT 1;
SELECT conflict_id AS open FROM cmms.conflict WHERE resolved_at IS NULL \gset
SELECT state, message, hint FROM raised($$SELECT cmms.resolve('default', -1, 'hub')$$);
SELECT state, message, hint FROM raised(format($$SELECT cmms.resolve('default', %s, 'nobody')$$, :open));
SELECT state, message FROM raised(format($$SELECT cmms.resolve('default', %s, 'value')$$, :open));
SELECT state, message FROM raised(format($$SELECT cmms.resolve('default', %s, 'hub', '"x"')$$, :open));
SELECT state FROM raised(format($$SELECT cmms.resolve('acme', %s, 'hub')$$, :open));
SELECT cmms.resolve('default', :open, 'provider', note => 'the tag on the machine says so');
SELECT asset_ref, changed_fields FROM stands;
SELECT state, regexp_replace(message, '\d+', 'N') AS message FROM raised(format($$SELECT cmms.resolve('default', %s, 'hub')$$, :open));

-- A field of a manual owner conflicts without a change of ours, too; this time ours is sent, then a third value.
DELETE FROM cmms.outbox;
UPDATE cmms.work_order SET sync_state = 'synchronized' WHERE source_work_order_id = 'c1';
SELECT news('{"id": "c1", "asset": "a-next", "changed": "2100-01-02T00:00:00Z"}');
SELECT asset_ref, sync_state, last_error_class, changed_fields FROM stands;
SELECT cmms.resolve('default', max(conflict_id), 'hub') FROM cmms.conflict;
SELECT asset_ref, sync_state, last_error_class, changed_fields FROM stands;
DELETE FROM cmms.outbox;
UPDATE cmms.work_order SET sync_state = 'synchronized' WHERE source_work_order_id = 'c1';
SELECT news('{"id": "c1", "asset": "a-third", "changed": "2100-01-03T00:00:00Z"}');
SELECT cmms.resolve('default', max(conflict_id), 'value', '"a-both"') FROM cmms.conflict;
SELECT asset_ref, sync_state, last_error_class, changed_fields FROM stands;
SELECT * FROM conflicts;
SELECT action, detail - 'conflict_id' - 'common_work_order_id' AS detail FROM cmms.audit_log WHERE action = 'resolve' ORDER BY audit_log_id;

-- Conflicts go with their order.
DELETE FROM cmms.work_order WHERE source_work_order_id = 'c1';
SELECT count(*) FROM cmms.conflict;
DROP VIEW stands, conflicts;
DROP FUNCTION news;
DELETE FROM cmms.outbox;
-- Nothing is left for the other tests.
DELETE FROM cmms.work_order;
DELETE FROM cmms.outbox;
DELETE FROM cmms.field_map;
DELETE FROM cmms.value_map;
DELETE FROM cmms.event;
DELETE FROM cmms.webhook_event;
DROP SERVER hub_conflict;
