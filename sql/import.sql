-- Documents from a file, through the inbound maps alone.
CREATE SERVER log_file FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9', tenant 'acme');
SELECT count(*) FROM cmms.set_field_mapping('log_file', '{"work_order": {"id": "line", "title": {"source": "short_text", "required": true},
  "asset_id": "machine", "scheduled_date": "start", "issue_type": {"source": "kind", "transform": "trim | map order_type"}, "total_cost": "cost"}}');
SELECT cmms.map_value('log_file', 'order_type', 'PM01', 'breakdown'), cmms.map_value('log_file', 'order_type', 'PM02', 'planned');

-- A staging table of text, as a file gives it: repeated rows, a credit, and each kind of fault.
CREATE TEMPORARY TABLE staging (line text, start text, machine text, short_text text, kind text, cost text);
INSERT INTO staging VALUES
  ('1', '2026-01-05', 'DIGGER-1', 'Bucket will not open', 'PM01', '183.05'),
  ('2', '2026-01-06', 'DIGGER-1', 'Replace tooth', 'PM02', '0'),
  ('3', '2026-01-06', 'DIGGER-1', 'Replace tooth', 'PM02', '0'),
  ('4', '2026-01-07', 'DIGGER-2', 'Credit note hose', 'PM01', '-412.5'),
  ('5', '07.01.2026', 'DIGGER-2', 'Date of another land', 'PM01', '1'),
  ('6', '2026-01-08', 'DIGGER-2', 'Unknown kind', 'PM09', '1'),
  ('7', '2026-01-08', 'DIGGER-2', '', 'PM01', '1'),
  ('8', '2026-01-08', 'DIGGER-2', 'No amount', 'PM01', 'won''t'),
  (NULL, '2026-01-08', 'DIGGER-2', 'No id', 'PM01', '1'),
  ('9', '2026-02-30', 'DIGGER-2', 'No such day', 'PM01', '1'),
  ('2', '2026-01-06', 'DIGGER-1', 'Replace tooth', 'PM02', '0'),
  ('10', '2026-01-09', 'DIGGER-2', 'Too dear', 'PM01', '1e400');
CREATE TEMPORARY VIEW documents AS SELECT jsonb_agg(to_jsonb(s)) AS records FROM staging s;
SELECT i.ordinal, i.source_record_id, i.outcome, i.common_work_order_id IS NOT NULL AS stored, i.detail FROM documents, cmms.import_records('log_file', records) i;
SELECT tenant_id, source_work_order_id, title, asset_ref, planned_start_at AT TIME ZONE 'UTC' AS starts, issue_type, total_cost, sync_state FROM cmms.work_order ORDER BY source_work_order_id;
SELECT source_record_id, reason FROM cmms.held_record ORDER BY held_record_id;
SELECT vocabulary, value FROM cmms.unmapped_value;
SELECT count(*) AS queued FROM cmms.outbox;
SELECT tenant_id, detail FROM cmms.audit_log WHERE action = 'import' AND provider_id = 'log_file';

-- Again: nothing is doubled, not even what has no id. Mapping the kind lets its record through; then that is unchanged as well.
SELECT i.outcome, count(*) FROM documents, cmms.import_records('log_file', records) i GROUP BY 1 ORDER BY 1;
SELECT cmms.map_value('log_file', 'order_type', 'PM09', 'inspection');
SELECT i.outcome, count(*) FROM documents, cmms.import_records('log_file', records) i GROUP BY 1 ORDER BY 1;
SELECT (SELECT count(*) FROM cmms.work_order) AS orders, (SELECT count(*) FROM cmms.held_record) AS held;

-- More than one batch, with one record that the database refuses in the second.
DELETE FROM cmms.held_record;
ALTER TABLE cmms.work_order ADD CONSTRAINT regress_limit CHECK (total_cost <> 1234567);
CREATE TEMPORARY VIEW many AS SELECT jsonb_agg(jsonb_build_object('line', 'n' || n, 'short_text', 'Order ' || n, 'cost', CASE n WHEN 777 THEN 1234567 ELSE n END) ORDER BY n) AS records
  FROM generate_series(1, 1200) n;
SELECT i.outcome, count(*), min(i.detail) FROM many, cmms.import_records('log_file', records) i GROUP BY 1 ORDER BY 1;
SELECT source_record_id, reason FROM cmms.held_record;
SELECT count(*), sum(total_cost) FROM cmms.work_order WHERE title LIKE 'Order %';
ALTER TABLE cmms.work_order DROP CONSTRAINT regress_limit;
SELECT i.outcome, count(*) FROM many, cmms.import_records('log_file', records) i GROUP BY 1 ORDER BY 1;
SELECT count(*) AS held FROM cmms.held_record;

-- One page with versions of one record, an order of ours that is found by its reference, and a copy of that reference in another record.
CREATE SERVER page_file FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9', tenant 'acme');
SELECT count(*) FROM cmms.set_field_mapping('page_file', '{"work_order": {"id": "id", "title": "title", "updated_at": "at", "reference": "ours"}}');
INSERT INTO cmms.work_order (provider_id, common_work_order_id, title) VALUES ('page_file', '11111111-2222-4333-8444-555555555555', 'Ours');
CREATE TEMPORARY VIEW page AS SELECT '[{"id": "a", "title": "First", "at": "2026-01-01T00:00:01Z"}, {"id": "b", "title": "Other"},
  {"id": "a", "title": "Second", "at": "2026-01-01T00:00:02Z"}, {"id": "a", "title": "First", "at": "2026-01-01T00:00:01Z"},
  {"id": "c", "title": "Ours, as they have it", "ours": "11111111-2222-4333-8444-555555555555"},
  {"id": "d", "title": "A copy of it", "ours": "11111111-2222-4333-8444-555555555555"}, {"id": "e", "title": "Last"}]'::jsonb AS records;
SELECT i.ordinal, i.source_record_id, i.outcome, i.detail, w.title FROM page, cmms.import_records('page_file', records) i
  LEFT JOIN cmms.work_order w USING (common_work_order_id) ORDER BY i.ordinal;
SELECT i.ordinal, i.outcome FROM page, cmms.import_records('page_file', records) i ORDER BY i.ordinal;
SELECT w.title, count(h.*) AS statuses, (SELECT string_agg(e.event_type, ', ' ORDER BY e.event_id) FROM cmms.event e WHERE e.record_id = w.common_work_order_id) AS events
FROM cmms.work_order w LEFT JOIN cmms.status_history h USING (tenant_id, common_work_order_id) WHERE w.provider_id = 'page_file'
GROUP BY w.common_work_order_id, w.title ORDER BY w.title;
DELETE FROM cmms.work_order WHERE provider_id = 'page_file'; DELETE FROM cmms.outbox WHERE provider_id = 'page_file';
DROP SERVER page_file CASCADE;

-- A page of which one order waits to be deleted at its provider, one has a word that is not in the vocabulary, and one a title that is too
-- long. Triggers that a DBA has added fire for what is imported, and what they make of it counts; the page is then written in another way.
CREATE SERVER plain_file FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9', tenant 'acme');
SELECT count(*) FROM cmms.set_field_mapping('plain_file', '{"work_order": {"id": "id", "title": "title", "status": {"source": "is", "transform": "lower"}}}');
CREATE FUNCTION plain_page(prefix text, records integer) RETURNS TABLE (source_record_id text, outcome text, detail text) LANGUAGE sql AS $$
  SELECT i.source_record_id, i.outcome, i.detail FROM cmms.import_records('plain_file', (
    SELECT jsonb_agg(jsonb_build_object('id', prefix || n, 'title', CASE n WHEN 5 THEN repeat('x', 1001) ELSE 'Plain ' || n END,
                                        'is', (ARRAY['Closed', NULL, 'On_Hold', 'Mislaid', 'Closed'])[n])) FROM generate_series(1, records) n)) i
$$;
CREATE FUNCTION plain_orders() RETURNS TABLE (id text, stored text, history text, events text) LANGUAGE sql AS $$
  SELECT w.source_work_order_id, concat_ws(' ', w.tenant_id, w.common_status, w.priority, w.sync_state, w.metadata, w.source_doc ->> 'title',
           w.source_fields ->> 'title', w.last_synced_at = w.created_at AND w.updated_at = w.created_at),
         (SELECT string_agg(concat_ws(' ', h.to_status, h.cause, h.changed_by = session_user, h.entered_at = w.created_at, h.left_at), ', ')
          FROM cmms.status_history h WHERE h.common_work_order_id = w.common_work_order_id),
         (SELECT string_agg(concat_ws(' ', e.event_type, e.detail, e.resource), ', ') FROM cmms.event e WHERE e.record_id = w.common_work_order_id)
  FROM cmms.work_order w WHERE w.provider_id = 'plain_file' AND w.sync_state = 'imported' ORDER BY 1
$$;
INSERT INTO cmms.work_order (provider_id, source_work_order_id, title) VALUES ('plain_file', 'a3', 'Gone'), ('plain_file', 'b3', 'Gone');
DELETE FROM cmms.work_order WHERE provider_id = 'plain_file';
SELECT * FROM plain_page('a', 3);
SELECT * FROM plain_orders();
SELECT * FROM plain_page('a', 5);
CREATE TABLE seen (id text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.seen VALUES (NEW.source_work_order_id);
  RETURN NULL;
END
$$;
CREATE TRIGGER see AFTER INSERT ON cmms.work_order FOR EACH ROW EXECUTE FUNCTION see();
SELECT * FROM plain_page('b', 3);
SELECT * FROM plain_orders() WHERE id LIKE 'b%';
SELECT id FROM seen ORDER BY id;
CREATE FUNCTION postpone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.common_status := 'on_hold';
  RETURN NEW;
END
$$;
CREATE TRIGGER postpone BEFORE INSERT ON cmms.work_order FOR EACH ROW EXECUTE FUNCTION postpone();
SELECT * FROM plain_page('c', 2);
SELECT * FROM plain_orders() WHERE id LIKE 'c%';
DROP TRIGGER see ON cmms.work_order; DROP TRIGGER postpone ON cmms.work_order;
DROP FUNCTION postpone; DROP FUNCTION see; DROP TABLE seen; DROP FUNCTION plain_page; DROP FUNCTION plain_orders;
DELETE FROM cmms.work_order WHERE provider_id = 'plain_file';
DELETE FROM cmms.outbox WHERE provider_id = 'plain_file'; DELETE FROM cmms.held_record WHERE provider_id = 'plain_file';
DROP SERVER plain_file CASCADE;

-- Times that no transform has put into one form are what PostgreSQL makes of them, and text, numbers and lists arrive as they are.
CREATE SERVER raw_file FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9');
SELECT count(*) FROM cmms.set_field_mapping('raw_file', '{"work_order": {"id": "id", "title": "title", "assignees": "who", "total_cost": "cost",
  "due_date": {"source": "due", "transform": "trim"}}}');
CREATE TEMPORARY VIEW raw AS SELECT n, due FROM unnest('{2026-03-31T17:00:00Z, 2026-03-31T24:00:00Z, 2026-06-30T23:59:60Z, 2026-03-31T17:00:00.1Z,
  2026-03-31T17:00:00.123456Z, 2026-03-31T17:00:00.1234567Z, 2026-03-31 17:00:00z, 2026-03-31T17:00:00+02:00, 2026-03-31, 0044-03-15T12:00:00Z}'::text[]) WITH ORDINALITY AS x(due, n);
SELECT i.outcome, count(*) FROM (SELECT jsonb_agg(jsonb_build_object('id', n, 'title', 'Grüße ' || n, 'who', ARRAY['a"b', NULL, n::text], 'cost', n + 0.25, 'due', due)) AS records FROM raw) r,
  cmms.import_records('raw_file', records) i GROUP BY 1;
SELECT w.title, w.assignees, w.total_cost, w.source_fields = jsonb_build_object('source_work_order_id', r.n::text, 'title', w.title, 'assignees', w.assignees,
  'total_cost', w.total_cost, 'sla_due_at', r.due) AS is_kept, w.sla_due_at = r.due::timestamptz AS is_same
FROM raw r JOIN cmms.work_order w ON w.provider_id = 'raw_file' AND w.source_work_order_id = r.n::text ORDER BY r.n;
DELETE FROM cmms.work_order WHERE provider_id = 'raw_file';
DELETE FROM cmms.outbox WHERE provider_id = 'raw_file';
DROP SERVER raw_file CASCADE;

-- Many fields of all kinds: what is kept of them is jsonb as the server itself writes it.
CREATE SERVER wide_file FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9', tenant 'acme');
SELECT count(*) FROM cmms.set_field_mapping('wide_file', '{"work_order": {"id": "id", "title": "t", "description": "d", "work_type": "w",
  "issue_type": "i", "asset_ref": "a", "location_ref": "l", "requester": "r", "assignees": "people[*].name", "vendors": "firms", "source_status": "s",
  "planned_start_at": "p1", "planned_end_at": "p2", "actual_start_at": "p3", "started_at": "p4", "completed_at": "p5", "labor_cost": "c1",
  "material_cost": "c2", "total_cost": "c3", "currency": "cur", "nte_limit": "c4", "metadata": "m", "source_revision": "rev"}}');
SELECT outcome, detail FROM cmms.import_records('wide_file', '[
  {"id": "x1", "t": "Wide", "d": "é€ ✓", "w": null, "i": "a", "a": "b", "l": "", "r": "c", "people": [{"name": "Ada"}, {"name": "Ben"}], "firms": [],
   "s": "open", "p1": "2026-01-05T08:00:00Z", "p2": "2026-01-05T09:00:00Z", "p3": "2026-01-05T08:00:00.5Z", "p4": null, "p5": null, "c1": 1, "c2": 20.50,
   "c3": -123456789.0001, "cur": "EUR", "c4": 0, "m": {"k": [1, {"deep": true}], "": null}, "rev": "7"},
  {"id": "x2", "t": "Narrow", "m": {}, "c1": 100000}]');
SELECT w.source_work_order_id, count(k) AS fields, w.source_fields = f.read AS same, pg_column_size(w.source_fields) = pg_column_size(f.read) AS same_size,
       bool_and(w.source_fields -> k = f.read -> k) AS same_values, w.source_fields
FROM cmms.work_order w, LATERAL (SELECT w.source_fields::text::jsonb) f(read), jsonb_object_keys(w.source_fields) k
WHERE w.provider_id = 'wide_file' GROUP BY w.source_work_order_id, w.source_fields, f.read ORDER BY 1;
DELETE FROM cmms.work_order WHERE provider_id = 'wide_file';
DELETE FROM cmms.outbox WHERE provider_id = 'wide_file';
DROP SERVER wide_file CASCADE;

-- A trigger may keep events out of the table; the orders come all the same.
CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_out BEFORE INSERT ON cmms.event FOR EACH ROW EXECUTE FUNCTION keep_out();
SELECT outcome, detail FROM cmms.import_records('log_file', '[{"line": "E-1", "short_text": "Alone"}]');
SELECT outcome, detail FROM cmms.import_records('log_file', '[{"line": "E-2", "short_text": "Two"}, {"line": "E-3", "short_text": "at once"}]');
SELECT count(*) AS orders, count(e.event_id) AS events
FROM cmms.work_order w LEFT JOIN cmms.event e ON e.record_id = w.common_work_order_id WHERE w.source_work_order_id LIKE 'E-%';
DROP TRIGGER keep_out ON cmms.event;
DROP FUNCTION keep_out();

-- Bad input, and who may.
SELECT count(*) FROM cmms.import_records('log_file', '[]');
SELECT outcome, detail FROM cmms.import_records('log_file', '[1, null, "x", [], {}]');
SELECT state, message, hint FROM raised($$SELECT * FROM cmms.import_records('log_file', '{"line": 1}')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.import_records('log_file', '[]', 'asset')$$);
SELECT state, message FROM raised($$SELECT * FROM cmms.import_records('nowhere', '[]')$$);
CREATE ROLE regress_cmms_importer;
GRANT EXECUTE ON FUNCTION raised TO PUBLIC;
GRANT USAGE ON SCHEMA cmms TO regress_cmms_importer;
GRANT EXECUTE ON FUNCTION cmms.import_records(text, jsonb, text) TO regress_cmms_importer;
SET ROLE regress_cmms_importer;
SELECT state, message FROM raised($$SELECT * FROM cmms.import_records('log_file', '[]')$$);
RESET ROLE;
GRANT USAGE ON FOREIGN DATA WRAPPER cmms TO regress_cmms_importer;
ALTER SERVER log_file OWNER TO regress_cmms_importer;
SET ROLE regress_cmms_importer;
SELECT state, message FROM raised($$SELECT * FROM cmms.import_records('log_file', '[]')$$);
RESET ROLE;
SELECT cmms.grant_access('regress_cmms_importer', 'acme');
SET ROLE regress_cmms_importer;
SELECT outcome FROM cmms.import_records('log_file', '[{"line": "1", "short_text": "Bucket opens again"}]');
SELECT title FROM cmms.work_order WHERE source_work_order_id = '1';
RESET ROLE;
DROP OWNED BY regress_cmms_importer;
DELETE FROM cmms.tenant_access WHERE role_name = 'regress_cmms_importer';
DROP ROLE regress_cmms_importer;

DELETE FROM cmms.work_order; DELETE FROM cmms.outbox; DELETE FROM cmms.event; DELETE FROM cmms.held_record; DELETE FROM cmms.unmapped_value;
DELETE FROM cmms.field_map; DELETE FROM cmms.value_map;
