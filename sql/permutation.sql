-- Whatever the order in which a provider's news arrive, and however often each comes, the orders end in the same state.
-- Each document shows its order whole, as providers send them, with the time of the change.
CREATE SERVER shuffled FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9');
SELECT count(*) > 0 AS mapped FROM cmms.set_field_mapping('shuffled', '{"work_order": {"id": "id", "title": {"source": "title", "required": true}, "status": "status",
  "priority": "priority", "requester": "by", "total_cost": "cost", "assigned_at": "assigned", "started_at": "started", "completed_at": "completed", "updated_at": "changed"}}');

-- Three orders with seven states each; the fourth of each has a word that nobody has mapped.
CREATE TEMPORARY TABLE news AS
SELECT o AS order_no, e AS event_no, jsonb_build_object(
  'id', 'o' || o, 'title', format('Order %s, %s', o, e), 'priority', (ARRAY['low', 'high', 'none'])[1 + (o + e) % 3],
  'status', (ARRAY['requested', 'assigned', 'in_progress', 'Parked', 'on_hold', 'in_progress', 'completed'])[e],
  'by', CASE WHEN e % 2 = 0 THEN NULL ELSE 'eva' END, 'cost', e * 10.5,
  'assigned', CASE WHEN e >= 2 THEN '2026-01-02T00:00:00Z' END, 'started', CASE WHEN e >= 3 THEN '2026-01-03T00:00:00Z' END,
  'completed', CASE WHEN e >= 7 THEN '2026-01-07T00:00:00Z' END, 'changed', format('2026-01-0%sT00:00:00Z', e)) AS document
FROM generate_series(1, 3) o, generate_series(1, 7) e;

CREATE FUNCTION final_state() RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object(
    'held', (SELECT count(*) FROM cmms.held_record), 'queued', (SELECT count(*) FROM cmms.outbox),
    'orders', (SELECT jsonb_agg(to_jsonb(w) - '{common_work_order_id,created_at,updated_at,last_synced_at,sync_state}'::text[] ORDER BY w.source_work_order_id)
               FROM cmms.work_order w WHERE w.sync_state IN ('imported', 'synchronized')))
$$;

-- Each run in a subtransaction that is rolled back; every third piece of news comes twice, by webhook or by import as it falls.
CREATE FUNCTION shuffle(seed integer) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  piece record;
  state jsonb;
BEGIN
  PERFORM setseed(seed / 1000.0);
  FOR piece IN SELECT n.document, random() AS way FROM news n, generate_series(1, 1 + (n.event_no % 3 = 0)::int) ORDER BY random() LOOP
    IF piece.way < 0.5 THEN
      PERFORM FROM cmms.ingest_webhook('shuffled', convert_to(jsonb_build_object('work_order', piece.document)::text, 'UTF8'));
    ELSE
      PERFORM FROM cmms.import_records('shuffled', jsonb_build_array(piece.document));
    END IF;
  END LOOP;
  state := final_state();
  RAISE EXCEPTION USING ERRCODE = 'XX999', MESSAGE = 'done';
EXCEPTION WHEN SQLSTATE 'XX999' THEN
  RETURN state;
END
$$;

CREATE TEMPORARY TABLE run AS SELECT seed, shuffle(seed) AS state FROM generate_series(1, 150) seed;
-- In order of time, for comparison.
BEGIN;
SELECT count(*) AS taken FROM (SELECT jsonb_agg(n.document ORDER BY n.event_no, n.order_no) AS documents FROM news n) d, cmms.import_records('shuffled', d.documents);
CREATE TEMPORARY TABLE expected AS SELECT final_state() AS state;
SELECT source_work_order_id, title, common_status, priority, requester, total_cost, sync_state FROM cmms.work_order ORDER BY 1;
SELECT (SELECT count(*) FROM cmms.held_record) AS held, (SELECT count(*) FROM cmms.outbox) AS queued;
SELECT count(*) AS runs, count(*) FILTER (WHERE r.state <> e.state) AS different, min(r.seed) FILTER (WHERE r.state <> e.state) AS first_seed FROM run r, expected e;
ROLLBACK;
SELECT count(*) AS rolled_back FROM cmms.work_order;
DROP FUNCTION shuffle; DROP FUNCTION final_state;
DROP SERVER shuffled;
DELETE FROM cmms.field_map;
