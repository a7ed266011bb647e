-- Polling: how far each provider has been read.

CREATE TABLE cmms.poll_cursor (
  tenant_id text NOT NULL,
  provider_id text NOT NULL,
  resource text NOT NULL,
  cursor jsonb,
  next_poll_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  poll_requested_at timestamptz,
  last_poll_at timestamptz,
  last_complete_at timestamptz,
  records_seen bigint NOT NULL DEFAULT 0,
  last_error text,
  backfill_started_at timestamptz,
  backfill_records bigint NOT NULL DEFAULT 0,
  backfill_total bigint,
  backfill_completed_at timestamptz,
  PRIMARY KEY (tenant_id, provider_id, resource)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
COMMENT ON TABLE cmms.poll_cursor IS 'Position of the incremental poll of each provider and resource. It moves only over what was read in full and applied.';
COMMENT ON COLUMN cmms.poll_cursor.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.poll_cursor.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.poll_cursor.resource IS 'Kind of record.';
COMMENT ON COLUMN cmms.poll_cursor.cursor IS 'Position, in the provider''s own precision; null before the first poll. Set to null to import everything again.';
COMMENT ON COLUMN cmms.poll_cursor.next_poll_at IS 'Not before.';
COMMENT ON COLUMN cmms.poll_cursor.poll_requested_at IS 'Last call of cmms.poll_now; a poll that began before it does not count as its answer.';
COMMENT ON COLUMN cmms.poll_cursor.last_poll_at IS 'When the last poll began.';
COMMENT ON COLUMN cmms.poll_cursor.last_complete_at IS 'When a poll last read to the end.';
COMMENT ON COLUMN cmms.poll_cursor.records_seen IS 'Records read in all polls, those without news included.';
COMMENT ON COLUMN cmms.poll_cursor.last_error IS 'Why the last poll failed; null after a success.';
COMMENT ON COLUMN cmms.poll_cursor.backfill_started_at IS 'When the first import of everything began; null before the first poll.';
COMMENT ON COLUMN cmms.poll_cursor.backfill_records IS 'Records that it has read and applied.';
COMMENT ON COLUMN cmms.poll_cursor.backfill_total IS 'Records that there are, as the provider said when it began; null where it does not say.';
COMMENT ON COLUMN cmms.poll_cursor.backfill_completed_at IS 'When it had read everything; null while it lasts.';

CREATE VIEW cmms.backfill_progress AS
SELECT c.tenant_id, c.provider_id, c.resource, s.state,
       c.backfill_started_at AS started_at,
       c.backfill_records AS records_read,
       t.total AS total_records,
       CASE WHEN s.state = 'complete' THEN 100 WHEN t.total > 0 THEN floor(100.0 * c.backfill_records / t.total) END::integer AS percent,
       round((c.backfill_records / t.seconds)::numeric, 1) AS records_per_second,
       CASE WHEN s.state = 'running' AND c.backfill_records > 0
            THEN now() + make_interval(secs => (t.total - c.backfill_records) * t.seconds / c.backfill_records) END AS estimated_end_at,
       c.last_error,
       c.backfill_completed_at AS completed_at
FROM cmms.poll_cursor c
LEFT JOIN cmms.provider p ON p.provider_id = c.provider_id
CROSS JOIN LATERAL (
  SELECT CASE WHEN c.backfill_completed_at IS NOT NULL THEN 'complete'
              WHEN p.active IS NOT TRUE OR p.paused_at IS NOT NULL THEN 'waiting'
              WHEN c.next_poll_at <= c.last_poll_at THEN 'running'  -- until a poll has ended, its time stays in the past
              WHEN c.last_error IS NOT NULL THEN 'failed'
              ELSE 'waiting' END AS state) s
CROSS JOIN LATERAL (
  SELECT CASE WHEN c.backfill_total IS NOT NULL THEN greatest(c.backfill_total, c.backfill_records) END AS total,
         nullif(extract(epoch FROM coalesce(c.backfill_completed_at, clock_timestamp()) - c.backfill_started_at)::float8, 0) AS seconds) t;
COMMENT ON VIEW cmms.backfill_progress IS 'How far the first import of each provider and resource is, the one that reads everything. Setting poll_cursor.cursor to null starts another.';
COMMENT ON COLUMN cmms.backfill_progress.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.backfill_progress.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.backfill_progress.resource IS 'Kind of record.';
COMMENT ON COLUMN cmms.backfill_progress.state IS 'running; waiting: for its turn, or for the provider to be activated or resumed; failed: last_error says why, it goes on from where it was at the next poll; complete.';
COMMENT ON COLUMN cmms.backfill_progress.started_at IS 'When it began; null: not yet.';
COMMENT ON COLUMN cmms.backfill_progress.records_read IS 'Records read and applied, those without news included; one that changes meanwhile counts again.';
COMMENT ON COLUMN cmms.backfill_progress.total_records IS 'Records that there are, as the provider said when it began, or more if more were read; null where it does not say.';
COMMENT ON COLUMN cmms.backfill_progress.percent IS 'Part that is done; null where there is no total.';
COMMENT ON COLUMN cmms.backfill_progress.records_per_second IS 'Mean since it began, interruptions included.';
COMMENT ON COLUMN cmms.backfill_progress.estimated_end_at IS 'When it will be complete if it goes on like this; null where there is no total, or while it does not run.';
COMMENT ON COLUMN cmms.backfill_progress.last_error IS 'Why the last poll failed; null after a success.';
COMMENT ON COLUMN cmms.backfill_progress.completed_at IS 'When everything had been read.';

CREATE FUNCTION cmms.poll_now(provider_id text DEFAULT NULL) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  polls integer;
BEGIN
  IF poll_now.provider_id IS NOT NULL THEN
    PERFORM cmms.provider_tenant(poll_now.provider_id);
    IF NOT EXISTS (SELECT FROM cmms.provider p WHERE p.provider_id = poll_now.provider_id AND p.active) THEN
      RAISE EXCEPTION USING ERRCODE = 'WO002', MESSAGE = format('provider "%s" is not active', poll_now.provider_id),
        HINT = 'Call cmms.activate first.';
    END IF;
  END IF;
  UPDATE cmms.poll_cursor c SET poll_requested_at = clock_timestamp(), next_poll_at = least(c.next_poll_at, now())
  FROM cmms.provider p
  WHERE p.provider_id = c.provider_id AND p.active
    AND (poll_now.provider_id IS NULL OR c.provider_id = poll_now.provider_id)
    AND cmms.has_tenant(c.tenant_id, 'read');
  GET DIAGNOSTICS polls = ROW_COUNT;
  PERFORM cmms.wake_worker();
  RETURN polls;
END
$$;
COMMENT ON FUNCTION cmms.poll_now(text) IS
'Has the worker poll a provider, or all active ones (null), as soon as the current transaction commits; returns how many polls were asked for, 0 where a provider has nothing to poll. SQLSTATEs: WO001 no such server, WO002 not active.';
