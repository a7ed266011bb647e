-- Whatever a stranger sends ends as a row with its reason: the server lives, and no delivery is lost.
CREATE SERVER gate FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9');
CREATE FUNCTION deliver(body bytea, headers jsonb DEFAULT '{}', OUT outcome text, OUT http_status integer, OUT detail text) LANGUAGE sql AS
  $$ SELECT i.outcome, i.http_status, i.detail FROM cmms.ingest_webhook('gate', body, headers) i $$;
CREATE FUNCTION deliver_text(document text, OUT outcome text, OUT http_status integer, OUT detail text) LANGUAGE sql AS
  $$ SELECT * FROM deliver(convert_to(document, 'UTF8')) $$;
-- An order with one more member; its id is that of the test.
CREATE FUNCTION deliver_order(id text, member text, OUT outcome text, OUT http_status integer, OUT detail text) LANGUAGE sql AS
  $$ SELECT * FROM deliver_text(format('{"event": "work_order.updated", "work_order": {"id": "%s", "title": "Pump", "status": "open", %s}}', id, member)) $$;

-- Not JSON.
SELECT * FROM deliver_text('<html>502 Bad Gateway</html>');
SELECT * FROM deliver_text('{"event": "work_order.updated", "work_order": {"id": 1');
SELECT * FROM deliver_text('{} {}');
SELECT * FROM deliver_text('{"a": NaN}');
SELECT * FROM deliver_text('');
SELECT * FROM deliver(NULL::bytea);
SELECT * FROM deliver_text('   ');
-- JSON, but no event.
SELECT * FROM deliver_text('[]');
SELECT * FROM deliver_text('"text"');
SELECT * FROM deliver_text('null');

-- Not UTF-8: a stray byte, an overlong form, half a surrogate pair, a character cut off, UTF-16.
SELECT b.body, d.* FROM (VALUES ('\x7b2261223a22ff227d'::bytea), ('\x7b2261223a22c080227d'), ('\x7b2261223a22eda080227d'),
  ('\x7b2261223a22c3'), ('\xfeff007b007d')) AS b(body), deliver(b.body) d;
SELECT * FROM deliver_text('{"event": "work_order.updated", "work_order": {"id": "1", "title": "\ud800"}}');

-- NUL, as a byte and as an escape.
SELECT * FROM deliver('\x7b2261223a2200227d'::bytea);
SELECT * FROM deliver_text('{"event": "work_order.updated", "work_order": {"id": "1", "title": "a\u0000b"}}');
SELECT * FROM deliver_text('{"a\u0000": 1}');

-- 10,000 levels deep.
SELECT * FROM deliver_text(repeat('[', 10000) || repeat(']', 10000));
SELECT * FROM deliver_text(repeat('{"a":', 10000) || '1' || repeat('}', 10000));
SELECT * FROM deliver_text(repeat('[', 512) || repeat(']', 512));
SELECT * FROM deliver_text('"' || repeat('[', 10000) || '"');

-- 64 MB: not parsed; its beginning and its hash are kept.
SELECT * FROM deliver_text('{"a": "' || repeat('x', 64 * 1024 * 1024 - 9) || '"}');
SELECT length(body), convert_from(substr(body, 1, 10), 'UTF8') AS begins,
       content_sha256 = sha256(convert_to('{"a": "' || repeat('x', 64 * 1024 * 1024 - 9) || '"}', 'UTF8')) AS hash_of_all
FROM cmms.webhook_event WHERE provider_id = 'gate' AND outcome = 'too_large';

-- Numbers that no column takes.
SELECT count(*) > 0 AS mapped FROM cmms.set_field_mapping('gate',
  '{"work_order": {"id": "id", "title": "title", "status": {"source": "status", "transform": "map status"}, "total_cost": "cost",
    "currency": "currency", "sla_due_at": {"source": "due", "transform": "timestamp"}, "planned_start_at": "start", "assignees": "people[*]",
    "source_updated_at": "changed"}}');
SELECT cmms.map_value('gate', 'status', 'open', 'requested');
SELECT * FROM deliver_order('n1', '"cost": 1e400');
SELECT * FROM deliver_order('n2', '"cost": ' || repeat('9', 400));
SELECT * FROM deliver_order('n3', '"cost": 1e999999999');
SELECT * FROM deliver_order('n4', '"cost": "twelve"');
SELECT * FROM deliver_order('n5', '"cost": "NaN"');
SELECT * FROM deliver_order('n6', '"cost": 99999999999999.99994');
SELECT * FROM deliver_order('n7', '"cost": 0.' || repeat('0', 300) || '1');
SELECT source_work_order_id, total_cost FROM cmms.work_order WHERE provider_id = 'gate' ORDER BY 1;

-- Dates: the null of .NET and Go, days that do not exist, and years that no clock reaches.
SELECT m.id, m.member, d.* FROM (VALUES
  ('d1', '"due": "0001-01-01"'), ('d2', '"due": "0001-01-01T00:00:00Z"'), ('d3', '"due": "2026-02-30T00:00:00Z"'),
  ('d4', '"due": "yesterday"'), ('d5', '"due": 20260101'), ('d6', '"due": "99999-01-01T00:00:00Z"'), ('d7', '"due": ""'),
  ('d8', '"start": "0001-01-01"'), ('d9', '"start": "no date"'), ('da', '"changed": "0001-01-01"'), ('db', '"changed": "soon"'))
  AS m(id, member), deliver_order(m.id, m.member) d ORDER BY 1;
SELECT source_work_order_id AS id, sla_due_at, planned_start_at AT TIME ZONE 'UTC' AS planned_start_at, source_updated_at
FROM cmms.work_order WHERE provider_id = 'gate' AND source_work_order_id LIKE 'd%' ORDER BY 1;

-- Texts and lists that are something else, and what the table's own checks refuse.
SELECT m.id, m.member, d.* FROM (VALUES
  ('t1', '"title": {"a": 1}'), ('t2', '"title": ["a"]'), ('t3', '"title": 7'), ('t4', '"title": null'), ('t5', '"title": ""'),
  ('t6', '"people": "bob"'), ('t7', '"people": [{"name": "bob"}]'), ('t8', '"currency": "euro"'))
  AS m(id, member), deliver_order(m.id, m.member) d ORDER BY 1;
SELECT * FROM deliver_order('t9', '"title": "' || repeat('x', 1001) || '"');
SELECT source_work_order_id AS id, title, assignees, currency FROM cmms.work_order
WHERE provider_id = 'gate' AND source_work_order_id LIKE 't%' ORDER BY 1;

-- Without an id there is nothing to apply it to.
SELECT m.document, d.* FROM (VALUES
  ('{"event": "work_order.updated", "work_order": {"title": "x", "status": "open"}}'),
  ('{"event": "work_order.updated", "work_order": {"id": null, "title": "x", "status": "open"}}'),
  ('{"event": "work_order.updated", "work_order": {"id": "", "title": "x", "status": "open"}}'),
  ('{"event": "work_order.updated", "work_order": {"id": {"a": 1}, "title": "x", "status": "open"}}'),
  ('{"event": "work_order.updated", "work_order": []}'),
  ('{"event": "work_order.updated"}')) AS m(document), deliver_text(m.document) d;
SELECT outcome, http_status FROM deliver_order(repeat('x', 5000), '"cost": 1');

-- A field that the map requires.
UPDATE cmms.field_map SET required = true WHERE provider_id = 'gate' AND direction = 'inbound' AND target = 'total_cost';
SELECT * FROM deliver_order('r1', '"cost": null');
SELECT source_record_id, reason FROM cmms.held_record WHERE provider_id = 'gate' AND source_record_id = 'r1';
SELECT * FROM deliver_order('r1', '"cost": 5');
SELECT count(*) FROM cmms.held_record WHERE provider_id = 'gate' AND source_record_id = 'r1';
UPDATE cmms.field_map SET required = false WHERE provider_id = 'gate';

-- Statuses that nobody has mapped: held, counted per value, processed when they are.
SELECT d.* FROM generate_series(1, 3) n, deliver_order('s' || n, '"status": "Geparkt"') d;
SELECT d.* FROM deliver_order('s4', '"status": "Verschoben"') d;
SELECT vocabulary, direction, value, occurrences, sample #>> '{id}' IS NOT NULL AS has_sample FROM cmms.unmapped_value WHERE provider_id = 'gate' ORDER BY value;
SELECT count(*) FROM cmms.work_order WHERE provider_id = 'gate' AND source_work_order_id LIKE 's%';
SELECT cmms.map_value('gate', 'status', 'Geparkt', 'on_hold');
SELECT source_work_order_id AS id, common_status, sync_state FROM cmms.work_order WHERE provider_id = 'gate' AND source_work_order_id LIKE 's%' ORDER BY 1;
SELECT value, occurrences FROM cmms.unmapped_value WHERE provider_id = 'gate';
SELECT direction, source_record_id FROM cmms.held_record WHERE provider_id = 'gate' AND source_record_id LIKE 's%';

-- Providers that there are not, and configurations that cannot work.
SELECT state, message FROM raised($$SELECT * FROM cmms.ingest_webhook('nowhere', '{}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.ingest_webhook(NULL, '{}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.ingest_webhook('', '{}')$$);
SELECT outcome, http_status FROM deliver('{}'::bytea, '[1]');
SELECT outcome, http_status FROM deliver('{}'::bytea, NULL);
SELECT state, message, detail, hint FROM raised($$ALTER SERVER gate OPTIONS (ADD required_fields 'plant_code,title');
  SELECT cmms.activate('gate')$$);

-- Every delivery is there, with its bytes.
SELECT outcome, http_status, count(*), count(*) FILTER (WHERE content_sha256 = sha256(body)) AS whole, bool_and(outcome = 'applied' OR detail <> '') AS reasoned
FROM cmms.webhook_event WHERE provider_id = 'gate' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM cmms.outbox WHERE provider_id = 'gate';

-- Signed webhooks.
CREATE FUNCTION hmac_sha256(key bytea, content bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
  inside bytea := key || decode(repeat('00', 64 - length(key)), 'hex');
  outside bytea := inside;
BEGIN
  FOR i IN 0 .. 63 LOOP
    inside := set_byte(inside, i, get_byte(inside, i) # 54);
    outside := set_byte(outside, i, get_byte(outside, i) # 92);
  END LOOP;
  RETURN sha256(outside || sha256(inside || content));
END
$$;
CREATE FUNCTION signature(id text, at bigint, body text, secret text DEFAULT 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') RETURNS text LANGUAGE sql AS
  $$ SELECT 'v1,' || encode(hmac_sha256(decode(secret, 'base64'), convert_to(id || '.' || at || '.' || body, 'UTF8')), 'base64') $$;
CREATE FUNCTION seconds_from_now(seconds integer) RETURNS bigint LANGUAGE sql AS $$ SELECT extract(epoch FROM clock_timestamp())::bigint + seconds $$;
-- A delivery as its sender signs it; `changes` are the headers that are not as they should be, null: left out.
CREATE FUNCTION deliver_signed(id text, body text, changes jsonb DEFAULT '{}', seconds integer DEFAULT 0,
                               OUT outcome text, OUT http_status integer, OUT detail text) LANGUAGE sql AS $$
  SELECT d.outcome, d.http_status, regexp_replace(d.detail, '\d+ seconds (old|in)', 'N seconds \1')
  FROM seconds_from_now(seconds) t,
       deliver(convert_to(body, 'UTF8'), jsonb_strip_nulls(
         jsonb_build_object('webhook-id', id, 'webhook-timestamp', t::text, 'webhook-signature', signature(id, t, body)) || changes)) d $$;
CREATE USER MAPPING FOR PUBLIC SERVER gate OPTIONS (webhook_secret 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
\set event '''{"event": "work_order.updated", "work_order": {"id": "w1", "title": "Signed", "status": "open"}}'''

-- A vector of the reference implementation: the signature is right, the time is long past, whatever is tolerated.
SELECT signature('msg_p5jXN8AQM9LWM0D4loKWxJek', 1700000000, '{"test": 2432232314}');
SELECT outcome, http_status, regexp_replace(detail, '\d+ seconds old', 'N seconds old') AS detail FROM deliver(convert_to('{"test": 2432232314}', 'UTF8'),
  '{"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1700000000", "webhook-signature": "v1,hw6D+jquXiPwVQiZTwb2ek9FSrOofldv7tv4JVMsFUY="}');
SELECT state, message, detail FROM raised($$ALTER SERVER gate OPTIONS (ADD webhook_tolerance '1000000000')$$);
SELECT state, message, detail FROM raised($$ALTER SERVER gate OPTIONS (ADD webhook_tolerance '0')$$);

-- Signed and in time.
SELECT * FROM deliver_signed('msg_1', :event);
SELECT outcome, http_status FROM deliver_signed('msg_1', :event);
SELECT * FROM deliver_signed('msg_2', :event, seconds => -200);
SELECT * FROM deliver_signed('msg_3', :event, seconds => 200);
-- Among several signatures one is enough: the sender changes its secret.
SELECT d.* FROM seconds_from_now(0) t, deliver_signed('msg_4', :event, jsonb_build_object('webhook-timestamp', t::text, 'webhook-signature',
  'v1a,xyz v1,' || encode(sha256('old'), 'base64') || ' ' || signature('msg_4', t, :event))) d;
-- Too old, too early; what is tolerated can be set.
SELECT * FROM deliver_signed('msg_5', :event, seconds => -400);
SELECT * FROM deliver_signed('msg_6', :event, seconds => 400);
ALTER SERVER gate OPTIONS (ADD webhook_tolerance '1000');
SELECT * FROM deliver_signed('msg_5', :event, seconds => -400);
SELECT * FROM deliver_signed('msg_6', :event, seconds => 400);
-- Signed by somebody else, for another body, another delivery, another time, or not at all.
SELECT d.* FROM seconds_from_now(0) t, deliver_signed('msg_7', :event, jsonb_build_object('webhook-timestamp', t::text, 'webhook-signature',
  signature('msg_7', t, :event, encode('somebody else', 'base64')))) d;
SELECT d.* FROM seconds_from_now(0) t, deliver_signed('msg_7', :event, jsonb_build_object('webhook-timestamp', t::text, 'webhook-signature', signature('msg_7', t, :event || ' '))) d;
SELECT * FROM deliver_signed('msg_7', :event, jsonb_build_object('webhook-id', 'msg_8'));
SELECT d.* FROM seconds_from_now(0) t, deliver_signed('msg_7', :event, jsonb_build_object('webhook-timestamp', (t + 60)::text)) d;
SELECT h.changes, d.* FROM (VALUES
  ('{"webhook-signature": "v1,"}'::jsonb), ('{"webhook-signature": "v1,not base64!"}'), ('{"webhook-signature": "v2,AAAA"}'),
  ('{"webhook-signature": null}'), ('{"webhook-id": null}'), ('{"webhook-id": ""}'), ('{"webhook-timestamp": null}'),
  ('{"webhook-timestamp": "today"}'), ('{"webhook-timestamp": "99999999999999999999"}'), ('{"webhook-timestamp": "-1"}'))
  AS h(changes), deliver_signed('msg_9', :event, h.changes) d;
SELECT * FROM deliver(convert_to(:event, 'UTF8'));
SELECT * FROM deliver(convert_to(:event, 'UTF8'), NULL);
-- What is not signed is not read either, and who is not known learns nothing by its delivery id.
SELECT * FROM deliver_text('not json');
SELECT outcome, http_status FROM deliver(convert_to(:event, 'UTF8'), '{"webhook-id": "msg_1"}');
-- Signed nonsense is nonsense.
SELECT * FROM deliver_signed('msg_10', 'not json');
-- A secret that is none turns nothing off.
SELECT state, message, hint FROM raised($$ALTER USER MAPPING FOR PUBLIC SERVER gate OPTIONS (SET webhook_secret 'whsec_not base64')$$);
ALTER USER MAPPING FOR PUBLIC SERVER gate OPTIONS (DROP webhook_secret, ADD webhook_secret_file '/nonexistent/secret');
SELECT outcome, http_status FROM deliver_signed('msg_12', :event);

SELECT title, common_status FROM cmms.work_order WHERE provider_id = 'gate' AND source_work_order_id = 'w1';
SELECT outcome, count(*) FROM cmms.webhook_event WHERE provider_id = 'gate' AND webhook_event_id > (
  SELECT min(webhook_event_id) FROM cmms.webhook_event WHERE headers ->> 'webhook-id' = 'msg_1') GROUP BY 1 ORDER BY 1;
-- Secrets are not kept with the headers.
SELECT count(*) FROM cmms.webhook_event e WHERE e::text LIKE '%MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw%';

DELETE FROM cmms.work_order; DELETE FROM cmms.outbox; DELETE FROM cmms.event; DELETE FROM cmms.webhook_event;
DELETE FROM cmms.held_record; DELETE FROM cmms.unmapped_value; DELETE FROM cmms.field_map; DELETE FROM cmms.value_map;
DROP SERVER gate CASCADE;
DROP FUNCTION deliver, deliver_text, deliver_order, deliver_signed, signature, hmac_sha256, seconds_from_now;
