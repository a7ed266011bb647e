-- Read-backs: single records that are to be read at their provider, because an event only named them, because their change time does
-- not tell of every change, or because somebody asks. One row for each record, however often it was asked for.

CREATE TABLE cmms.read_back (
  tenant_id text NOT NULL,
  provider_id text NOT NULL,
  resource text NOT NULL,
  source_record_id cmms.source_id NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  next_attempt_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  claimed_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  PRIMARY KEY (tenant_id, provider_id, resource, source_record_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000);
CREATE INDEX read_back_due_idx ON cmms.read_back (provider_id, next_attempt_at);
COMMENT ON TABLE cmms.read_back IS 'Records that the worker reads at their provider one by one, or many in one request where the provider allows it. A row leaves when it was read.';
COMMENT ON COLUMN cmms.read_back.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.read_back.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.read_back.resource IS 'Kind of record.';
COMMENT ON COLUMN cmms.read_back.source_record_id IS 'The provider''s id of the record.';
COMMENT ON COLUMN cmms.read_back.requested_at IS 'When it was last asked for; a read that began before does not count as the answer.';
COMMENT ON COLUMN cmms.read_back.next_attempt_at IS 'Not before.';
COMMENT ON COLUMN cmms.read_back.claimed_at IS 'Since when it is being read; null: it waits.';
COMMENT ON COLUMN cmms.read_back.attempts IS 'Reads tried since it was last asked for.';
COMMENT ON COLUMN cmms.read_back.last_error IS 'Why the last one failed, secrets masked.';

-- Read again from time to time, because the provider's change time does not move with each change.
ALTER TABLE cmms.poll_cursor ADD COLUMN next_reread_at timestamptz;
COMMENT ON COLUMN cmms.poll_cursor.next_reread_at IS 'When the records that are not final are read again, by the server''s option reread_interval; null: never.';

CREATE FUNCTION cmms.queue_read_backs(tenant_id text, provider_id text, resource text, source_record_ids text[]) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  queued bigint;
BEGIN
  -- In the order of the key, so that two sessions that ask for the same records do not wait for each other in a circle.
  INSERT INTO cmms.read_back AS r (tenant_id, provider_id, resource, source_record_id)
  SELECT queue_read_backs.tenant_id, queue_read_backs.provider_id, queue_read_backs.resource, i.id
  FROM (SELECT DISTINCT u.id FROM unnest(source_record_ids) AS u(id) WHERE u.id <> '') i
  ORDER BY i.id
  ON CONFLICT (tenant_id, provider_id, resource, source_record_id) DO UPDATE
    SET requested_at = clock_timestamp(), attempts = 0,
        next_attempt_at = CASE WHEN r.claimed_at IS NULL THEN least(r.next_attempt_at, now()) ELSE r.next_attempt_at END;
  GET DIAGNOSTICS queued = ROW_COUNT;
  IF queued > 0 THEN
    PERFORM cmms.wake_worker();
  END IF;
  RETURN queued;
END
$$;
COMMENT ON FUNCTION cmms.queue_read_backs(text, text, text, text[]) IS 'Queues records to be read; returns how many. Internal: for cmms.request_read_back and cmms.request_reread.';

CREATE FUNCTION cmms.request_read_back(provider_id text, resource text, source_record_ids text[]) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant constant text := cmms.provider_tenant(request_read_back.provider_id);
BEGIN
  IF NOT cmms.has_tenant(tenant, 'write') THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied for records of tenant "%s"', tenant),
      HINT = format('The owner of the extension grants it: cmms.grant_access(%L, %L).', cmms.calling_role(), tenant);
  END IF;
  IF NOT EXISTS (SELECT FROM cmms.readable_resources(request_read_back.provider_id) AS r(resource) WHERE r.resource = request_read_back.resource) THEN
    RAISE EXCEPTION USING ERRCODE = 'WO006',
      MESSAGE = format('provider "%s" cannot be asked for a single %s', request_read_back.provider_id, request_read_back.resource),
      HINT = coalesce('It can be asked for: ' || (SELECT string_agg(r.resource, ', ' ORDER BY r.resource)
                                                  FROM cmms.readable_resources(request_read_back.provider_id) AS r(resource)) || '.',
                      'Its type has no operation that reads a record.');
  END IF;
  RETURN cmms.queue_read_backs(tenant, request_read_back.provider_id, request_read_back.resource, source_record_ids);
END
$$;
COMMENT ON FUNCTION cmms.request_read_back(text, text, text[]) IS
'Has the worker read records at their provider and apply what it finds, as soon as the current transaction commits; returns how many were asked for. A record that is asked for several times is read once. source_record_ids: the provider''s ids. SQLSTATEs: WO001 no such server, WO006 the provider cannot be asked for a single record of this kind, 42501 not the caller''s tenant.';

-- A status change may leave a provider's change time as it was: polls by change time then never see it.
CREATE FUNCTION cmms.request_reread(provider_id text) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant constant text := cmms.provider_tenant(request_reread.provider_id);
BEGIN
  RETURN cmms.queue_read_backs(tenant, request_reread.provider_id, 'work_order',
    ARRAY(SELECT w.source_work_order_id FROM cmms.work_order w JOIN cmms.common_status s ON s.name = w.common_status
          WHERE w.tenant_id = tenant AND w.provider_id = request_reread.provider_id AND w.source_work_order_id IS NOT NULL AND NOT s.is_final));
END
$$;
COMMENT ON FUNCTION cmms.request_reread(text) IS
'Has the worker read all orders of a provider again that are not in a final status; returns how many. The worker calls it each reread_interval. SQLSTATE WO001: no such server.';
