-- Transforms that ask the database: time zones and SQL functions, which run as the owner of the foreign server.
CREATE SERVER shop FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9');
CREATE FUNCTION sent(document text, OUT outcome text, OUT http_status integer, OUT detail text) LANGUAGE sql AS
  $$ SELECT i.outcome, i.http_status, i.detail FROM cmms.ingest_webhook('shop', convert_to(document, 'UTF8')) i $$;
SET TimeZone = 'UTC';

-- What a transform cannot be is refused where it is written.
SELECT state, message, hint LIKE '%YYYY%' AS hinted FROM raised($$SELECT * FROM cmms.set_field_mapping('shop', '{"due_date": {"source": "d", "transform": "time \"DD.MM.YYYY Q\""}}')$$);
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('shop', '{"due_date": {"source": "d", "transform": "time \"DD.MM.YYYY\" Europe/Berlinn"}}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.set_field_mapping('shop', '{"due_date": {"source": "d", "transform": "time \"DD.MM.YYYY\" Berlin2"}}')$$);
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('shop', '{"due_date": {"source": "d", "transform": "epoch hours"}}')$$);
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.set_field_mapping('shop', '{"total_cost": {"source": "c", "transform": "minor_units euro"}}')$$);

-- Both ways; what cannot be turned back goes one way only.
SELECT direction, target, source, transform FROM cmms.set_field_mapping('shop', '{"work_order": {
  "id": "id",
  "title": {"source": "text", "transform": "template \"{no}: {value}\""},
  "planned_start_at": {"source": "start", "transform": "time \"DD.MM.YYYY HH24:MI\" Europe/Berlin"},
  "due_date": {"source": "due", "transform": "null_sentinels | sap_date"},
  "updated_at": {"source": "changed", "transform": "epoch milliseconds"},
  "total_cost": {"source": "cents", "transform": "minor_units $.currency"},
  "labor_cost": {"source": "labor", "transform": "minor_units EUR"},
  "assignees": {"source": "people", "transform": "split \", \""}}}');
SELECT * FROM sent('{"work_order": {"id": 1, "no": 17, "text": "Leak", "start": "29.7.2025 14:05", "due": "/Date(1753747200000+0120)/",
  "changed": 1753747200001, "cents": 1999, "currency": "KWD", "labor": "1999", "people": "ann, bob"}}');
SELECT title, planned_start_at, sla_due_at, source_updated_at, total_cost, labor_cost, assignees FROM cmms.work_order WHERE provider_id = 'shop';

-- The hour that the clocks skip is read with the offset before, the one that comes twice with the offset after.
SELECT * FROM sent('{"work_order": {"id": 2, "text": "Skipped", "start": "30.03.2025 02:30"}}');
SELECT * FROM sent('{"work_order": {"id": 3, "text": "Twice", "start": "26.10.2025 02:30"}}');
SELECT source_work_order_id, title, planned_start_at FROM cmms.work_order WHERE provider_id = 'shop' AND source_work_order_id > '1' ORDER BY 1;
SELECT * FROM sent('{"work_order": {"id": 4, "text": "x", "start": "tomorrow", "cents": 1, "due": "NA"}}');
DELETE FROM cmms.held_record;

-- Functions: looked at where they are named.
CREATE ROLE regress_shop_owner;
CREATE SCHEMA facility;
CREATE TABLE facility.secret (word text);
CREATE FUNCTION facility.shout(value jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT to_jsonb(upper(value #>> '{}')) $$;
CREATE FUNCTION facility.wrong(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'x' $$;
CREATE FUNCTION facility.many(value jsonb) RETURNS SETOF jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT value $$;
CREATE FUNCTION facility.who(value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('work_mem', '77MB', false);
  RETURN jsonb_build_object('user', current_user, 'path', current_setting('search_path'), 'value', value);
END $$;
CREATE FUNCTION facility.steal(value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN INSERT INTO facility.secret VALUES (value #>> '{}'); RETURN value; END $$;
CREATE FUNCTION facility.climb(value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN RESET ROLE; SET SESSION AUTHORIZATION DEFAULT; INSERT INTO facility.secret VALUES (value #>> '{}'); RETURN value; END $$;
CREATE FUNCTION facility.nothing(value jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT NULL::jsonb $$;
CREATE FUNCTION facility.private(value jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT value $$;
REVOKE EXECUTE ON FUNCTION facility.private(jsonb) FROM PUBLIC;
GRANT USAGE ON SCHEMA facility TO regress_shop_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER cmms TO regress_shop_owner;
ALTER SERVER shop OWNER TO regress_shop_owner;
SELECT name, r.message FROM unnest(ARRAY['shout', 'facility.nowhere', 'nowhere.shout', 'facility.wrong', 'facility.many', 'facility.private']) WITH ORDINALITY AS n(name, position),
  raised(format($$SELECT * FROM cmms.set_field_mapping('shop', '{"title": {"source": "text", "transform": "sql %s"}}')$$, name)) r ORDER BY position;

-- They run as the owner of the server, and change no setting of the session.
SELECT direction, target, transform FROM cmms.set_field_mapping('shop', '{"work_order": {"id": "id", "updated_at": "changed",
  "title": {"source": "text", "transform": "trim | sql facility.shout"}, "description": {"source": "note", "transform": "sql facility.who"},
  "requester": {"source": "by", "transform": "sql facility.nothing"}}}') WHERE transform LIKE '%sql%';
SELECT current_setting('work_mem') = '77MB' AS changed;
SELECT * FROM sent('{"work_order": {"id": 5, "text": " quietly ", "note": [1], "by": "ann"}}');
SELECT title, description, requester FROM cmms.work_order WHERE source_work_order_id = '5';
SELECT current_setting('work_mem') = '77MB' AS changed;
SELECT current_user = session_user AS still_the_caller, current_setting('search_path') AS path;

-- A preview undoes what they write.
CREATE TABLE facility.call (value jsonb);
GRANT INSERT ON facility.call TO regress_shop_owner;
CREATE FUNCTION facility.note(value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN INSERT INTO facility.call VALUES (value); RETURN value; END $$;
UPDATE cmms.field_map SET transform = 'sql facility.note' WHERE provider_id = 'shop' AND direction = 'inbound' AND target = 'title';
INSERT INTO cmms.field_map (provider_id, direction, target, source, transform) VALUES ('shop', 'outbound', 'text', 'title', 'sql facility.note');
SELECT target, result, decision, error FROM cmms.preview_inbound('shop', 'work_order', '{"id": 5, "text": "tried"}') WHERE target = 'title';
SELECT p.target, p.result, p.decision FROM cmms.work_order w, cmms.preview_outbound('shop', w.common_work_order_id) p
WHERE w.source_work_order_id = '5' AND w.provider_id = 'shop' AND p.target = 'text';
SELECT count(*) FROM facility.call;
SELECT outcome FROM sent('{"work_order": {"id": 5, "text": "kept"}}');
SELECT value FROM facility.call;
DELETE FROM cmms.field_map WHERE provider_id = 'shop' AND direction = 'outbound';

-- What the owner may not do holds the record, with the function's own message.
UPDATE cmms.field_map SET transform = 'sql facility.steal' WHERE provider_id = 'shop' AND direction = 'inbound' AND target = 'title';
SELECT * FROM sent('{"work_order": {"id": 6, "text": "loot"}}');
UPDATE cmms.field_map SET transform = 'sql facility.climb' WHERE provider_id = 'shop' AND direction = 'inbound' AND target = 'title';
SELECT * FROM sent('{"work_order": {"id": 6, "text": "loot"}}');
SELECT count(*) FROM facility.secret;
SELECT current_user = session_user AS still_the_caller;

-- A function that was dropped, or may not be executed any more, holds only the records that need it.
UPDATE cmms.field_map SET transform = 'sql facility.shout' WHERE provider_id = 'shop' AND direction = 'inbound' AND target = 'title';
REVOKE EXECUTE ON FUNCTION facility.shout(jsonb) FROM PUBLIC;
SELECT * FROM sent('{"work_order": {"id": 7, "text": "a"}}');
SELECT outcome FROM sent('{"work_order": {"id": 5, "by": "bob"}}');
GRANT EXECUTE ON FUNCTION facility.shout(jsonb) TO regress_shop_owner;
SELECT outcome FROM sent('{"work_order": {"id": 7, "text": "a"}}');
DROP FUNCTION facility.shout(jsonb);
SELECT * FROM sent('{"work_order": {"id": 7, "text": "b"}}');
CREATE FUNCTION facility.shout(value jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT to_jsonb(lower(value #>> '{}')) $$;
SELECT outcome FROM sent('{"work_order": {"id": 7, "text": "B"}}');
SELECT title FROM cmms.work_order WHERE source_work_order_id = '7';

-- A cancel is not the record's fault.
CREATE FUNCTION facility.slow(value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN LOOP NULL; END LOOP; END $$;
UPDATE cmms.field_map SET transform = 'sql facility.slow' WHERE provider_id = 'shop' AND direction = 'inbound' AND target = 'title';
SET statement_timeout = '100ms';
\set VERBOSITY terse
SELECT * FROM sent('{"work_order": {"id": 8, "text": "a"}}');
\set VERBOSITY default
RESET statement_timeout;
SELECT count(*) FROM cmms.held_record WHERE source_record_id = '8';

-- Application rows go the same way.
CREATE TABLE facility.ticket (ticket_id integer PRIMARY KEY, subject text, wanted text);
SELECT target, transform FROM cmms.set_row_mapping('shop', 'ticket', '{"key": "ticket_id", "title": {"source": "subject", "transform": "sql facility.shout"},
  "due_date": {"source": "wanted", "transform": "time \"MM/DD/YYYY\" America/Chicago"}}') WHERE transform IS NOT NULL;
SELECT state, message FROM raised($$SELECT * FROM cmms.set_row_mapping('shop', 'ticket', '{"key": "ticket_id", "title": {"source": "subject", "transform": "sql facility.wrong"}}')$$);
CREATE TRIGGER to_cmms AFTER INSERT ON facility.ticket FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('shop', 'ticket');
INSERT INTO facility.ticket VALUES (1, 'LOUD', '7/29/2025'), (2, 'Odd', '29.7.2025');
SELECT title, sla_due_at FROM cmms.work_order WHERE provider_id = 'shop' AND source_work_order_id IS NULL;
SELECT reason FROM cmms.held_record WHERE direction = 'row';

RESET TimeZone;
DELETE FROM cmms.outbox WHERE provider_id = 'shop';
DELETE FROM cmms.held_record WHERE provider_id = 'shop';
DELETE FROM cmms.row_link WHERE provider_id = 'shop';
DELETE FROM cmms.work_order WHERE provider_id = 'shop';
DELETE FROM cmms.outbox WHERE provider_id = 'shop';
DELETE FROM cmms.event WHERE provider_id = 'shop';
DELETE FROM cmms.status_history;
DELETE FROM cmms.webhook_event WHERE provider_id = 'shop';
DELETE FROM cmms.field_map WHERE provider_id = 'shop';
DROP FUNCTION sent(text);
SET client_min_messages = warning;
DROP SCHEMA facility CASCADE;
RESET client_min_messages;
DROP SERVER shop;
REVOKE USAGE ON FOREIGN DATA WRAPPER cmms FROM regress_shop_owner;
DROP ROLE regress_shop_owner;
