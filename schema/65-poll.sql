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
