-- What is written differently and means the same; what is not in use any more.
SELECT kind, reference, cmms.normalize_reference(kind, reference)
FROM (VALUES ('asset', 'WO16170'), ('asset', 'WO-16170'), ('asset', ' wo 016170 '), ('asset', 'PUMP_001'), ('asset', 'pump/1'), ('asset', '000000004711'),
             ('asset', '000'), ('asset', 'A-1-23'), ('asset', 'A-12-3'), ('asset', 'A 12.03'), ('asset', '7b-07B'), ('asset', ''), ('asset', ' - '),
             ('location', 'Bldg. (3), Floor 02'), ('part', 'K/55#x'), ('asset', 'Größe-1'), ('person', 'Ada Byron'), ('person', 'ada.byron'),
             ('person', 'Ada.Byron@example.com'), ('person', '0049'), ('asset', NULL)) AS v(kind, reference);

-- Retired: named by nothing new; what named it before goes on.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, asset_ref, location_ref) VALUES ('plant_a', 'Old', 'PUMP-1', 'Hall 1');
SELECT cmms.retire_reference('asset', 'PUMP-1', 'scrapped'), cmms.retire_reference('location', 'Hall 1');
SELECT tenant_id, kind, reference, alias, provider_id, state, retired_at = now() AS now, note FROM cmms.identity_alias ORDER BY identity_alias_id;
SELECT state, message, detail ~ '^Since \d{4}-\d\d-\d\d\.$' AS dated, hint FROM raised($$INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('plant_a', 'New', 'PUMP-1')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.work_order (provider_id, title, location_ref) VALUES ('plant_a', 'New', 'Hall 1')$$);
INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('plant_a', 'Other', 'PUMP-2'), ('plant_b', 'Of another tenant', 'PUMP-1');
SELECT state, message FROM raised($$UPDATE cmms.work_order SET asset_ref = 'PUMP-1' WHERE title = 'Other'$$);
UPDATE cmms.work_order SET common_status = 'completed', asset_ref = 'PUMP-1' WHERE title = 'Old';
-- An alias of it is refused as well, for the provider that writes it so.
SELECT cmms.merge_identity('asset', '10000815', 'PUMP-1', provider_id => 'plant_a');
SELECT state, message FROM raised($$INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('plant_a', 'New', '10000815')$$);
INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('hub_c', 'Of another provider', '10000815');
-- In use again, by the name of an alias too.
SELECT cmms.merge_identity('asset', 'Pump one', 'PUMP-1');
SELECT cmms.reinstate_reference('asset', 'Pump one'), cmms.reinstate_reference('asset', 'PUMP-1') AS again, cmms.reinstate_reference('asset', 'no such') AS unknown;
SELECT state, retired_at FROM cmms.identity_alias WHERE alias = 'PUMP-1';
INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('plant_a', 'New', 'PUMP-1');
-- Written by hand: the time goes with the state.
UPDATE cmms.identity_alias SET state = 'retired' WHERE alias = 'PUMP-1';
SELECT retired_at = now() AS now FROM cmms.identity_alias WHERE alias = 'PUMP-1';
SELECT action, detail #>> '{new,alias}' AS alias, detail #>> '{new,state}' AS state FROM cmms.audit_log WHERE action LIKE 'identity_alias.%' ORDER BY audit_log_id;
ROLLBACK;

-- Proposals, and what comes of a merge.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('plant_a', '1', 'PUMP-001'), ('plant_a', '2', 'pump 1'), ('plant_a', '3', 'pump 1'),
  ('hub_c', '4', 'PUMP/1'), ('hub_c', '5', 'FAN-1'), ('plant_b', '6', 'Fan 1');
UPDATE cmms.work_order SET location_ref = 'Hall-2', requester = 'Ada Byron', assignees = '{ben,"ada byron"}' WHERE title = '1';
UPDATE cmms.work_order SET location_ref = 'hall 2', assignees = '{ben}' WHERE title = '2';
UPDATE cmms.work_order SET source_work_order_id = 'S' || title, sync_state = 'synchronized', updated_at = '2020-01-01';
DELETE FROM cmms.outbox; DELETE FROM cmms.event;
-- Of one tenant each; it takes two spellings.
SELECT * FROM cmms.identity_proposal ORDER BY kind, normal_form;
SELECT title, asset_ref FROM cmms.work_order ORDER BY title;
-- The alias alone changes no order.
SELECT cmms.merge_identity('asset', 'pump 1', 'PUMP-001', note => 'seen on site');
SELECT kind, suggested_reference, "references", spellings FROM cmms.identity_proposal WHERE kind = 'asset';
SELECT title, asset_ref, sync_state FROM cmms.work_order ORDER BY title;
SELECT cmms.resolve_reference('default', 'plant_a', 'asset', 'pump 1') AS ours, cmms.resolve_reference('default', 'plant_a', 'asset', 'Pump 1') AS letter_for_letter,
       cmms.resolve_reference('acme', 'plant_b', 'asset', 'pump 1') AS other_tenant, cmms.resolve_reference('default', 'plant_a', 'location', 'pump 1') AS other_kind,
       cmms.resolve_reference('default', NULL, 'asset', 'pump 1') AS no_provider, cmms.resolve_reference('default', 'plant_a', 'asset', NULL) AS nothing;
-- Asked for, it does: nothing is sent.
SELECT cmms.merge_identity('asset', 'pump 1', 'PUMP-001', rewrite => true) AS rewritten;
SELECT cmms.merge_identity('asset', 'PUMP/1', 'pump 1', rewrite => true) AS goes_on_to_what_it_is_an_alias_of;
SELECT cmms.merge_identity('person', 'ada byron', 'Ada Byron', rewrite => true) AS people;
SELECT title, asset_ref, requester, assignees, sync_state, updated_at = now() AS updated FROM cmms.work_order ORDER BY title;
SELECT count(*) FROM cmms.outbox;
SELECT event_type, provider_id, detail FROM cmms.event ORDER BY provider_id, event_id;
SELECT kind, normal_form FROM cmms.identity_proposal ORDER BY kind;
SELECT provider_id, detail, actor = session_user AS by_me FROM cmms.audit_log WHERE action = 'merge_identity' ORDER BY audit_log_id;
-- What was ours becomes an alias with all its own: no chains.
SELECT cmms.merge_identity('asset', 'PUMP-001', 'P-1');
SELECT reference, alias, state, note FROM cmms.identity_alias WHERE kind = 'asset' ORDER BY alias COLLATE "C";
SELECT cmms.resolve_reference('default', 'hub_c', 'asset', 'PUMP/1');
-- A provider's own alias goes before that of all.
SELECT cmms.merge_identity('asset', 'PUMP/1', 'P-2', provider_id => 'hub_c');
SELECT cmms.resolve_reference('default', 'hub_c', 'asset', 'PUMP/1') AS hub_c, cmms.resolve_reference('default', 'plant_a', 'asset', 'PUMP/1') AS others;

-- Bad input.
SELECT state, message, detail FROM raised($$SELECT cmms.merge_identity('asset', 'P-1', 'P-1')$$);
SELECT state, message, detail FROM raised($$SELECT cmms.merge_identity('asset', 'P-1', 'pump 1')$$);
SELECT state, message FROM raised($$SELECT cmms.merge_identity('asset', ' ', 'P-1')$$);
SELECT state, message FROM raised($$SELECT cmms.merge_identity('asset', 'x', NULL)$$);
SELECT state, message FROM raised($$SELECT cmms.merge_identity('machine', 'x', 'P-1')$$);
SELECT state, message FROM raised($$SELECT cmms.merge_identity('asset', 'x', 'P-1', provider_id => 'nobody')$$);
SELECT state, message FROM raised($$SELECT cmms.merge_identity('asset', 'x', 'P-1', provider_id => 'plant_b')$$);
SELECT state, message FROM raised($$SELECT cmms.merge_references('default', 'asset', 'x', 'P-1', true, NULL, NULL)$$);
SELECT state, message FROM raised($$SELECT cmms.retire_reference('asset', '')$$);
SELECT state, message FROM raised($$SELECT cmms.retire_reference('machine', 'x')$$);
SELECT state FROM raised($$INSERT INTO cmms.identity_alias (tenant_id, kind, reference, alias) VALUES ('default', 'asset', 'Z', 'pump 1')$$);
SELECT state FROM raised($$INSERT INTO cmms.identity_alias (tenant_id, kind, reference, alias, provider_id) VALUES ('default', 'asset', 'Z', 'Z', 'plant_a')$$);
ROLLBACK;

-- On the way in our words, on the way out theirs.
BEGIN;
CREATE FUNCTION deliver(document text, OUT outcome text, OUT detail text) LANGUAGE sql AS $$
  SELECT i.outcome, i.detail FROM cmms.ingest_webhook('hub_c', convert_to('{"event": "work_order.updated", "work_order": ' || document || '}', 'UTF8')) i $$;
SELECT count(*) > 0 AS mapped FROM cmms.set_field_mapping('hub_c', '{"id": "id", "title": "title", "asset_id": "asset", "location_id": "room",
  "requester": "by", "assignees": "people", "updated_at": "at"}');
-- Nothing known yet.
SELECT deliver('{"id": "0", "title": "Before", "asset": "10000815", "at": "2030-01-01T00:00:00Z"}');
SELECT cmms.merge_identity('asset', '10000815', 'PUMP-001', provider_id => 'hub_c'), cmms.merge_identity('location', 'H1', 'Hall 1', provider_id => 'hub_c'),
       cmms.merge_identity('person', 'U17', 'Ada Byron', provider_id => 'hub_c'), cmms.merge_identity('asset', 'old number', 'PUMP-001', provider_id => 'hub_c');
UPDATE cmms.identity_alias SET state = 'retired' WHERE alias = 'old number';
SELECT deliver('{"id": "1", "title": "In", "asset": "10000815", "room": "H1", "by": "U17", "people": ["U17", "ben", "U17"], "at": "2030-01-01T00:00:00Z"}');
SELECT deliver('{"id": "2", "title": "By the old number", "asset": "old number", "room": null, "people": [], "at": "2030-01-01T00:00:00Z"}');
SELECT title, asset_ref, location_ref, requester, assignees FROM cmms.work_order ORDER BY title;
SELECT source_doc ->> 'asset' AS as_it_arrived FROM cmms.work_order WHERE title = 'In';
SELECT deliver('{"id": "1", "title": "In", "asset": "10000815", "room": "H1", "by": "U17", "people": ["U17", "ben", "U17"], "at": "2030-01-01T00:00:00Z"}') AS again;
-- An order from before takes the reference over with the next news of it.
SELECT deliver('{"id": "0", "title": "Before", "asset": "10000815", "at": "2030-01-02T00:00:00Z"}');
SELECT p.target, p.result FROM cmms.preview_inbound('hub_c', 'work_order', '{"id": "9", "title": "Preview", "asset": "10000815"}') p WHERE p.target = 'asset_ref';
INSERT INTO cmms.work_order (provider_id, title, asset_ref, location_ref, requester) VALUES ('hub_c', 'Out', 'PUMP-001', 'Hall 1', 'Ada Byron'), ('hub_c', 'Out, unknown', 'FAN-1', NULL, NULL);
SELECT w.title, p.target, p.result FROM cmms.work_order w, cmms.preview_outbound('hub_c', w.common_work_order_id) p
WHERE w.title LIKE 'Out%' AND p.target IN ('asset', 'room', 'by') ORDER BY 1, 2;
SELECT (cmms.in_provider_words(w)).assignees FROM cmms.work_order w WHERE title = 'In';
SELECT title, asset_ref FROM cmms.work_order WHERE title = 'Out';

-- A new order of the provider for what is retired is held, whole; news of one that is here are taken. In use again, it goes through.
SELECT cmms.retire_reference('asset', 'PUMP-001');
SELECT deliver('{"id": "3", "title": "For the retired one", "asset": "10000815", "at": "2030-01-01T00:00:00Z"}');
SELECT deliver('{"id": "1", "title": "In, changed", "asset": "10000815", "room": "H1", "by": "U17", "people": ["U17", "ben", "U17"], "at": "2030-01-02T00:00:00Z"}');
SELECT source_record_id, reason, problems FROM cmms.held_record;
SELECT p.target, p.decision, p.error FROM cmms.preview_inbound('hub_c', 'work_order', '{"id": "9", "title": "Preview", "asset": "10000815"}') p WHERE p.error IS NOT NULL;
SELECT cmms.reprocess_held(tenant_id, held_record_id) FROM cmms.held_record;
SELECT title FROM cmms.work_order ORDER BY title;
SELECT cmms.reinstate_reference('asset', 'PUMP-001');
SELECT title, asset_ref FROM cmms.work_order ORDER BY title;
SELECT count(*) AS held FROM cmms.held_record;
-- Without aliases as before.
DELETE FROM cmms.identity_alias;
SELECT deliver('{"id": "4", "title": "Forgotten", "asset": "10000815", "at": "2030-01-01T00:00:00Z"}');
SELECT asset_ref FROM cmms.work_order WHERE title = 'Forgotten';
ROLLBACK;

-- Tenants are walls.
BEGIN;
CREATE ROLE regress_cmms_keeper;
CREATE ROLE regress_cmms_looker;
SELECT cmms.grant_access('regress_cmms_keeper', 'acme', 'write'), cmms.grant_access('regress_cmms_looker', 'acme', 'read');
GRANT EXECUTE ON FUNCTION raised TO PUBLIC;
INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('plant_a', '1', 'A-1'), ('plant_a', '2', 'a 1'), ('plant_b', '3', 'B-1'), ('plant_b', '4', 'b 1');
SELECT cmms.merge_identity('asset', 'x', 'A-1');
SET LOCAL ROLE regress_cmms_keeper;
SELECT "references" FROM cmms.identity_proposal;
SELECT cmms.merge_identity('asset', 'b 1', 'B-1', rewrite => true, tenant_id => 'acme');
SELECT cmms.retire_reference('asset', 'B-1', tenant_id => 'acme');
SELECT reference, alias, state FROM cmms.identity_alias ORDER BY alias;
SELECT state, message, hint FROM raised($$SELECT cmms.merge_identity('asset', 'a 1', 'A-1', rewrite => true)$$);
SELECT state FROM raised($$SELECT cmms.retire_reference('asset', 'A-1')$$);
SELECT state FROM raised($$SELECT cmms.reinstate_reference('asset', 'A-1')$$);
SELECT state FROM raised($$SELECT cmms.merge_identity('asset', 'a 1', 'A-1', tenant_id => NULL)$$);
SELECT state, message FROM raised($$INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('plant_b', '5', 'b 1')$$);
SET LOCAL ROLE regress_cmms_looker;
SELECT cmms.resolve_reference('acme', 'plant_b', 'asset', 'b 1'), count(*) FROM cmms.identity_alias;
SELECT state, message FROM raised($$SELECT cmms.retire_reference('asset', 'B-1', tenant_id => 'acme')$$);
RESET ROLE;
SELECT title, asset_ref FROM cmms.work_order ORDER BY title;
ROLLBACK;
