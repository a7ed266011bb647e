-- Pages of 1,000 Click Maint work orders, page by page in turn, one commit for each page: by cmms.import_records; by the upsert that a
-- developer writes without pg_cmms (the same documents parsed, stored whole and with the same fields in typed columns, under the same unique
-- keys); and by that upsert into tables that keep what ours keep too: foreign keys to status and priority, a status history and events.
-- :documents how many. Prints documents per second of the three: for new ones of a cluster that has just been made; for the same, as new
-- ones, into emptied tables after a checkpoint and in a new session; and for the same again.
SELECT format($sql$
  CREATE TABLE peer.%1$s_order (
    tenant_id text NOT NULL, order_id uuid NOT NULL DEFAULT gen_random_uuid(), provider_id text NOT NULL, source_id text NOT NULL,
    title text, description text, work_type text, source_status text, status text NOT NULL, source_priority text, priority text NOT NULL,
    due_at timestamptz, completed_at timestamptz, location_ref text, asset_ref text, total_cost numeric(18,4),
    source_updated_at timestamptz, document jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, order_id));
  CREATE UNIQUE INDEX ON peer.%1$s_order (tenant_id, provider_id, source_id);

  CREATE FUNCTION peer.import_%1$s(page jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO peer.%1$s_order
      (tenant_id, provider_id, source_id, title, description, work_type, source_status, status, source_priority, priority, due_at,
       completed_at, location_ref, asset_ref, total_cost, source_updated_at, document)
    SELECT 'default', 'bench_import', r.id, r.title, r.description, r.type, r.status ->> 'name', replace(lower(r.status ->> 'name'), ' ', '_'),
           r.priority, r.priority, r.due_date, r.completed_at, r.location ->> 'id', r.asset ->> 'id', r.total_costs, r.updated_at, r.document
    FROM ROWS FROM (
      jsonb_to_recordset(page) AS (id text, title text, description text, type text, status jsonb, priority text, due_date timestamptz,
        completed_at timestamptz, location jsonb, asset jsonb, total_costs numeric, updated_at timestamptz),
      jsonb_array_elements(page)) AS r(id, title, description, type, status, priority, due_date, completed_at, location, asset,
        total_costs, updated_at, document)
    ON CONFLICT (tenant_id, provider_id, source_id) DO UPDATE SET
      title = excluded.title, description = excluded.description, work_type = excluded.work_type,
      source_status = excluded.source_status, status = excluded.status, source_priority = excluded.source_priority,
      priority = excluded.priority, due_at = excluded.due_at, completed_at = excluded.completed_at, location_ref = excluded.location_ref,
      asset_ref = excluded.asset_ref, total_cost = excluded.total_cost, source_updated_at = excluded.source_updated_at,
      document = excluded.document, updated_at = now()
  $$
$sql$, kind) FROM unnest('{plain,kept}'::text[]) AS kind \gexec

ALTER TABLE peer.kept_order ADD FOREIGN KEY (status) REFERENCES cmms.common_status, ADD FOREIGN KEY (priority) REFERENCES cmms.priority;
CREATE INDEX ON peer.kept_order (order_id);
CREATE TABLE peer.status_history (
  tenant_id text, order_id uuid, history_id bigint GENERATED ALWAYS AS IDENTITY, status text NOT NULL, entered_at timestamptz NOT NULL DEFAULT now(),
  left_at timestamptz, PRIMARY KEY (tenant_id, order_id, history_id));
CREATE UNIQUE INDEX ON peer.status_history (tenant_id, order_id) WHERE left_at IS NULL;
CREATE FUNCTION peer.order_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO peer.status_history (tenant_id, order_id, status) SELECT n.tenant_id, n.order_id, n.status FROM new_rows n;
  INSERT INTO peer.event (source_id, event_type, payload)
    SELECT n.source_id, 'work_order.created', jsonb_build_object('order_id', n.order_id) FROM new_rows n;
  RETURN NULL;
END
$$;
CREATE TRIGGER inserted AFTER INSERT ON peer.kept_order REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION peer.order_inserted();

CREATE TABLE peer.page AS
  SELECT (n - 1) / 1000 AS number, jsonb_agg(jsonb_build_object(
    'id', n, 'title', 'Walk-in freezer ' || n || ': water on the floor in front of the left door', 'type', 'reactive',
    'description', 'Night shift reports about two litres an hour. Drain line was cleared in January; the heating cable may have failed again.',
    'status', jsonb_build_object('id', 7, 'name', 'In Progress', 'color', '#0a7'), 'priority', 'high', 'due_date', '2026-03-31T17:00:00Z',
    'completed_at', NULL, 'location', jsonb_build_object('id', n % 100, 'name', 'Store 12, back of house'),
    'asset', jsonb_build_object('id', n % 1000, 'name', 'FRZ-03'), 'total_costs', 183.05, 'created_at', '2026-03-28T06:14:09Z',
    'updated_at', '2026-03-28T11:52:40.118Z'))::text AS documents
  FROM generate_series(1, :documents) n GROUP BY 1;

CREATE PROCEDURE peer.import_all(INOUT hub float8 DEFAULT 0, INOUT plain float8 DEFAULT 0, INOUT kept float8 DEFAULT 0)
  LANGUAGE plpgsql AS $$
DECLARE
  page text;
  started timestamptz;
BEGIN
  FOR page IN SELECT p.documents FROM peer.page p ORDER BY p.number LOOP
    started := clock_timestamp();
    PERFORM FROM cmms.import_records('bench_import', page::jsonb);
    COMMIT;
    hub := hub + extract(epoch FROM clock_timestamp() - started);
    started := clock_timestamp();
    PERFORM peer.import_plain(page::jsonb);
    COMMIT;
    plain := plain + extract(epoch FROM clock_timestamp() - started);
    started := clock_timestamp();
    PERFORM peer.import_kept(page::jsonb);
    COMMIT;
    kept := kept + extract(epoch FROM clock_timestamp() - started);
  END LOOP;
END
$$;
CALL peer.import_all() \gset
SELECT 'new, in a cluster just made', round(:documents / :hub::numeric), round(:documents / :plain::numeric), round(:documents / :kept::numeric);
-- The log's segments are there now and are written anew, as those of a server that has been running. No pages are left that either side
-- would have to log whole after the checkpoint: the peers' random keys would cost them many of those.
SET session_replication_role = replica;
TRUNCATE cmms.work_order, cmms.status_history, cmms.event, peer.plain_order, peer.kept_order, peer.status_history, peer.event CASCADE;
CHECKPOINT;
\connect
CALL peer.import_all() \gset
SELECT 'new', round(:documents / :hub::numeric), round(:documents / :plain::numeric), round(:documents / :kept::numeric);
CALL peer.import_all() \gset
SELECT 'unchanged', round(:documents / :hub::numeric), round(:documents / :plain::numeric), round(:documents / :kept::numeric);
