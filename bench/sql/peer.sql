-- The hand-written peer of cmms.ingest_webhook: what a developer writes without pg_cmms, a PL/pgSQL upsert and an event row.
CREATE SCHEMA peer;

CREATE TABLE peer.work_order (
  source_id text PRIMARY KEY,
  title text, description text, status text, priority text, asset_ref text, location_ref text,
  requester text, due_at timestamptz, started_at timestamptz, completed_at timestamptz,
  total_cost numeric(18,4), currency text, source_updated_at timestamptz, document jsonb,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON peer.work_order (status);
CREATE INDEX ON peer.work_order (asset_ref);
CREATE INDEX ON peer.work_order (due_at);

CREATE TABLE peer.event (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id text NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now());

CREATE FUNCTION peer.ingest(body text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  document jsonb := body::jsonb;
  record jsonb := document->'work_order';
  event_id bigint;
BEGIN
  INSERT INTO peer.work_order AS w
    (source_id, title, description, status, priority, asset_ref, location_ref, requester, due_at, started_at,
     completed_at, total_cost, currency, source_updated_at, document)
  VALUES (record->>'id', record->>'title', record->>'description', record->>'status', record->>'priority',
     record->>'asset_id', record->>'location_id', record->>'requester', (record->>'due_date')::timestamptz,
     (record->>'started_at')::timestamptz, (record->>'completed_at')::timestamptz,
     (record->>'total_cost')::numeric, record->>'currency', (record->>'updated_at')::timestamptz, record)
  ON CONFLICT (source_id) DO UPDATE SET
     title = excluded.title, description = excluded.description, status = excluded.status,
     priority = excluded.priority, asset_ref = excluded.asset_ref, location_ref = excluded.location_ref,
     requester = excluded.requester, due_at = excluded.due_at, started_at = excluded.started_at,
     completed_at = excluded.completed_at, total_cost = excluded.total_cost, currency = excluded.currency,
     source_updated_at = excluded.source_updated_at, document = excluded.document, updated_at = now()
  WHERE w.source_updated_at IS NULL OR excluded.source_updated_at >= w.source_updated_at;
  INSERT INTO peer.event (source_id, event_type, payload)
  VALUES (record->>'id', document->>'event', document) RETURNING peer.event.event_id INTO event_id;
  RETURN event_id;
END $$;
