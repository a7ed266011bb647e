-- Echoes: our own writes that come back as a webhook or in a poll. After each push one echo of the record is expected
-- (work_order.awaited_echo); what arrives next uses it up, whether it says what was sent or not.

CREATE TABLE cmms.echo_count (
  provider_id text NOT NULL,
  slot smallint NOT NULL,
  suppressed bigint NOT NULL DEFAULT 0,
  near_miss bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (provider_id, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE cmms.echo_count IS 'How often our own writes came back. Several rows for each provider, so that sessions do not wait for each other; cmms.sync_health has the sums.';
COMMENT ON COLUMN cmms.echo_count.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.echo_count.slot IS '0 to 15, by session.';
COMMENT ON COLUMN cmms.echo_count.suppressed IS 'Echoes that said what we had sent: nothing was changed or sent.';
COMMENT ON COLUMN cmms.echo_count.near_miss IS 'First news after a push in which a field that we had just sent had another value: changed by the provider, or by somebody else at once.';

CREATE FUNCTION cmms.count_echo(provider_id text, is_near_miss boolean) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO cmms.echo_count AS e (provider_id, slot, suppressed, near_miss)
  VALUES (count_echo.provider_id, pg_backend_pid() % 16, (NOT is_near_miss)::integer, is_near_miss::integer)
  ON CONFLICT (provider_id, slot) DO UPDATE
    SET suppressed = e.suppressed + excluded.suppressed, near_miss = e.near_miss + excluded.near_miss;
$$;
COMMENT ON FUNCTION cmms.count_echo(text, boolean) IS 'Counts an echo, or a near miss. Internal.';

CREATE FUNCTION cmms.use_up_echo(tenant_id text, record_id uuid, version xid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  provider text;
BEGIN
  UPDATE cmms.work_order w SET awaited_echo = NULL
  WHERE w.tenant_id = use_up_echo.tenant_id AND w.common_work_order_id = record_id AND w.xmin = version AND w.awaited_echo IS NOT NULL
  RETURNING w.provider_id INTO provider;
  IF FOUND THEN
    PERFORM cmms.count_echo(provider, false);
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.use_up_echo(text, uuid, xid) IS 'A record that says what we sent: the expected echo is there. Internal.';
