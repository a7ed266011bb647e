-- An order of ours whose creation has had no answer, shown by its provider: what is done, and what is still to be sent. The provider makes
-- each record in its first status, and changes it by steps.
BEGIN;
INSERT INTO cmms.provider_type (provider_type, descriptor) VALUES ('steps', '{
  "type": "steps", "name": "Steps",
  "webhook": {"resource": "work_order", "records": ["$"], "events": {"": {}}},
  "resources": {"work_order": {
    "create": {"method": "POST", "path": "/orders"},
    "update": {"method": "PATCH", "path": "/orders/{source_id}"},
    "read": {"method": "GET", "path": "/orders/{source_id}"},
    "id": "$.id", "updated_at": "$.at",
    "reference": {"field": "note"},
    "status_actions": {"status": "$.state", "states": ["DONE", "WORK", "NEW"], "initial": "NEW", "actions": [
      {"name": "start", "from": "NEW", "to": "WORK", "method": "POST", "path": "/orders/{source_id}/start", "body": "none"},
      {"name": "finish", "from": "WORK", "to": "DONE", "method": "POST", "path": "/orders/{source_id}/finish", "body": "none"}]},
    "fields": {
      "outbound": [{"target": "text", "source": "title"}, {"target": "note", "source": "description"}],
      "inbound": [{"target": "title", "source": "text"}, {"target": "common_status", "source": "state", "transform": "map status"}]},
    "values": {"status": {"inbound": {"NEW": "requested", "WORK": "assigned", "DONE": "completed"},
                          "outbound": {"requested": "NEW", "assigned": "WORK", "in_progress": "WORK", "completed": "DONE"}}}}}}');
CREATE SERVER steps FOREIGN DATA WRAPPER cmms OPTIONS (type 'steps', base_url 'http://127.0.0.1:9');

CREATE FUNCTION shown(wanted text, number text, words text, state text, at text DEFAULT '2026-01-01T10:00:00Z') RETURNS text LANGUAGE sql AS $$
  SELECT i.outcome FROM cmms.work_order w, cmms.ingest_webhook('steps', convert_to(jsonb_build_object(
    'id', number, 'text', words, 'state', state, 'at', at,
    'note', format('[cmms %s]', w.common_work_order_id))::text, 'UTF8')) i WHERE w.provider_id = 'steps' AND w.identifier = wanted
$$;
CREATE VIEW steps AS
SELECT w.identifier, w.title, w.common_status, w.sync_state, w.source_work_order_id AS id, q.operation, q.state,
       array(SELECT unnest(q.changed_fields) ORDER BY 1) AS changed_fields
FROM cmms.work_order w LEFT JOIN cmms.outbox q ON q.record_id = w.common_work_order_id WHERE w.provider_id = 'steps' ORDER BY w.identifier;

INSERT INTO cmms.work_order (provider_id, identifier, title) SELECT 'steps', i, 'Pump' FROM unnest('{same,walks,changed}'::text[]) i;
UPDATE cmms.work_order SET common_status = 'in_progress' WHERE identifier = 'walks';
UPDATE cmms.outbox SET state = 'in_doubt', claimed_change_seq = change_seq, attempted_at = now(), attempts = 1, in_doubt_since = now();
UPDATE cmms.work_order SET sync_state = 'in_doubt' WHERE provider_id = 'steps';
UPDATE cmms.work_order SET title = 'Pump 2' WHERE identifier = 'changed';
SELECT shown('same', '1', 'Pump', 'NEW'), shown('walks', '2', 'Pump', 'NEW'), shown('changed', '3', 'Pump', 'NEW');
TABLE steps;

-- While a change waits the provider shows what an attempt has left there: its stamp is younger, and it is no news.
UPDATE cmms.outbox SET attempted_at = now(), claimed_change_seq = change_seq;
UPDATE cmms.work_order SET title = 'Pump 3' WHERE identifier = 'changed';
UPDATE cmms.work_order SET common_status = 'completed' WHERE identifier = 'walks';
SELECT shown('changed', '3', 'Pump 2', 'NEW', '2100-01-01T00:00:00Z'), shown('walks', '2', 'Pump', 'WORK', '2100-01-01T00:00:00Z');
TABLE steps;
SELECT sent_values FROM cmms.outbox WHERE changed_fields @> '{title}';
-- What nobody here has sent is.
SELECT shown('changed', '3', 'Theirs', 'NEW', '2100-01-01T00:01:00Z');
TABLE steps;
SELECT field, hub_value, provider_value, winner FROM cmms.conflict WHERE provider_id = 'steps';
-- Shown while a look-up is under way: the worker settles it, and is told that the status has still to be walked to.
INSERT INTO cmms.work_order (provider_id, identifier, title, common_status)
SELECT 'steps', i, 'Pump', s FROM (VALUES ('under way', 'requested'), ('under way, walks', 'completed')) v(i, s);
UPDATE cmms.outbox q SET state = 'in_flight', claimed_change_seq = change_seq, attempted_at = now(), attempts = 1, in_doubt_since = now()
FROM cmms.work_order w WHERE w.common_work_order_id = q.record_id AND w.identifier ^@ 'under way';
SELECT shown('under way', '4', 'Pump', 'NEW'), shown('under way, walks', '5', 'Pump', 'NEW');
SELECT s.identifier, s.sync_state, s.id, s.operation, s.state, q.source_record_id
FROM steps s JOIN cmms.work_order w USING (identifier) JOIN cmms.outbox q ON q.record_id = w.common_work_order_id WHERE s.state = 'in_flight';
ROLLBACK;

-- A webhook of the same moment as what is stored may be the older one: the provider is asked.
BEGIN;
CREATE SERVER whole_seconds FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9/api/v1', entity_id '12');
CREATE FUNCTION sent(title text, at text) RETURNS TABLE (outcome text, detail text) LANGUAGE sql AS $$
  SELECT i.outcome, i.detail FROM cmms.ingest_webhook('whole_seconds', convert_to(jsonb_build_object('data', jsonb_build_object(
    'id', 1, 'title', title, 'status', jsonb_build_object('id', 3, 'name', 'Open'), 'updated_at', at))::text, 'UTF8')) i
$$;
SELECT * FROM sent('Pump', '2026-01-01T10:00:01Z');
SELECT * FROM sent('Valve', '2026-01-01T10:00:01Z');
SELECT source_record_id FROM cmms.read_back WHERE provider_id = 'whole_seconds';
SELECT * FROM sent('Valve', '2026-01-01T10:00:02Z');
SELECT title FROM cmms.work_order WHERE provider_id = 'whole_seconds';
ROLLBACK;
