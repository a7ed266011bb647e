-- Local changes of assets and parts on their way to the provider: queued like those of orders, as far as its type takes them.
-- What it cannot be told stays here, rejected, with the reason.

CREATE FUNCTION cmms.record_key(resource text) RETURNS text
  IMMUTABLE LANGUAGE sql
  RETURN CASE WHEN resource OPERATOR(pg_catalog.=) 'work_order' THEN 'common_work_order_id'
              ELSE resource OPERATOR(pg_catalog.||) '_id' END;
COMMENT ON FUNCTION cmms.record_key(text) IS 'Column of a resource''s table that holds our own id.';

CREATE FUNCTION cmms.source_key(resource text) RETURNS text
  IMMUTABLE LANGUAGE sql
  RETURN 'source_' OPERATOR(pg_catalog.||) resource OPERATOR(pg_catalog.||) '_id';
COMMENT ON FUNCTION cmms.source_key(text) IS 'Column of a resource''s table that holds the provider''s id.';

CREATE FUNCTION cmms.write_support(provider_id text, resource text) RETURNS TABLE (operation text, fields text[])
  AS 'MODULE_PATHNAME', 'cmms_write_support' LANGUAGE c STABLE STRICT ROWS 3;
COMMENT ON FUNCTION cmms.write_support(text, text) IS
'What a provider can be told of a kind of record: the operations (create, update, delete) that its type has, each with our columns that are sent. Nothing: its type does not know such records. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.record_change(resource text, record jsonb, changed_fields text[]) RETURNS cmms.work_order_change
  IMMUTABLE LANGUAGE sql
  RETURN ROW(record OPERATOR(pg_catalog.->>) 'tenant_id', (record OPERATOR(pg_catalog.->>) cmms.record_key(resource))::uuid,
             record OPERATOR(pg_catalog.->>) 'provider_id',
             record OPERATOR(pg_catalog.->>) cmms.source_key(resource),
             changed_fields, NULL, NULL, NULL, NULL)::cmms.work_order_change;
COMMENT ON FUNCTION cmms.record_change(text, jsonb, text[]) IS 'A change of a part or an asset, given as to_jsonb of its row. Internal.';

CREATE FUNCTION cmms.check_record_mode(resource text, changes cmms.work_order_change[]) RETURNS void
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  refused record;
BEGIN
  SELECT p.provider_id, p.mode, c.common_work_order_id AS record_id INTO refused
  FROM unnest(changes) c JOIN cmms.provider p ON p.provider_id = c.provider_id
  WHERE p.mode = 'read' OR p.mode = 'handoff' AND c.source_work_order_id IS NOT NULL
  LIMIT 1;
  IF refused.mode = 'read' THEN
    RAISE EXCEPTION USING ERRCODE = 'WO002', MESSAGE = format('provider "%s" is read only', refused.provider_id),
      HINT = 'Its records change by import only. Activate it with another mode to write.';
  ELSIF refused.mode = 'handoff' THEN
    RAISE EXCEPTION USING ERRCODE = 'WO002',
      MESSAGE = format('%s %s was handed over to provider "%s"', resource, refused.record_id, refused.provider_id),
      HINT = 'In mode handoff the provider owns a record once it has it. Change it there, or activate the provider with mode write_back.';
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.check_record_mode(text, cmms.work_order_change[]) IS 'Raises WO002 where a provider''s mode forbids one of the changes.';

-- Only columns that are not pushed: the triggers run again and find nothing to do.
CREATE FUNCTION cmms.set_record_states(resource text, changes cmms.work_order_change[], sync_state text, reason text DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('UPDATE cmms.%1$I w SET sync_state = $2, last_error = $3, last_error_class = CASE WHEN $3 IS NOT NULL THEN ''validation'' END,'
                 || ' last_error_detail = NULL FROM (SELECT x.ctid AS place FROM unnest($1) c CROSS JOIN LATERAL (SELECT o.ctid FROM cmms.%1$I o'
                 || ' WHERE o.tenant_id = c.tenant_id AND o.%2$I = c.common_work_order_id AND o.sync_state <> ''in_doubt'' LIMIT 1) x) d'
                 || ' WHERE w.ctid = d.place', resource, cmms.record_key(resource))
    USING changes, sync_state, reason;
END
$$;
COMMENT ON FUNCTION cmms.set_record_states(text, cmms.work_order_change[], text, text) IS 'Sets how parts or assets stand with their provider, and why. Internal.';

-- before: null for a new record.
CREATE FUNCTION cmms.enqueue_records(resource text, before jsonb[], after jsonb[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  drafting constant text[] := ARRAY(SELECT p.provider_id FROM cmms.provider p WHERE p.mode = 'draft');
  changes cmms.work_order_change[];
  sendable cmms.work_order_change[];
  refused record;
BEGIN
  -- Of a record that was rejected all is sent: what went along with the bad value was not taken either.
  SELECT array_agg(cmms.record_change(resource, c.after, c.changed)) INTO changes
  FROM (SELECT a AS after, CASE WHEN b ->> 'sync_state' = 'rejected' AND b ->> 'last_error_class' IS NOT NULL AND d.changed <> '{}'
                                THEN ARRAY(SELECT unnest(d.changed) UNION SELECT unnest(cmms.record_changes(NULL, a))) ELSE d.changed END AS changed
        FROM unnest(before, after) AS v(b, a) CROSS JOIN LATERAL (SELECT cmms.record_changes(b, a) AS changed) d) c
  WHERE c.changed <> '{}';
  IF changes IS NULL THEN
    RETURN;
  END IF;
  PERFORM cmms.check_record_mode(resource, changes);

  FOR refused IN
    WITH support AS MATERIALIZED (
      SELECT p.provider_id, s.operation, s.fields
      FROM (SELECT DISTINCT c.provider_id FROM unnest(changes) c) p
      CROSS JOIN LATERAL cmms.write_support(p.provider_id, enqueue_records.resource) s),
    judged AS (
      SELECT c AS change, o.operation, s.operation IS NOT NULL AS is_known,
             ARRAY(SELECT f FROM unnest(c.changed_fields) f WHERE f = ANY (s.fields)) AS fields
      FROM unnest(changes) c
      CROSS JOIN LATERAL (SELECT CASE WHEN c.source_work_order_id IS NULL THEN 'create' ELSE 'update' END AS operation) o
      LEFT JOIN support s ON s.provider_id = c.provider_id AND s.operation = o.operation)
    SELECT (j.change).provider_id, j.operation, j.is_known, j.is_known AND j.fields <> '{}' AS is_sendable,
           array_agg(ROW((j.change).tenant_id, (j.change).common_work_order_id, (j.change).provider_id, (j.change).source_work_order_id,
                         CASE WHEN j.fields = '{}' THEN (j.change).changed_fields ELSE j.fields END, NULL, NULL, NULL, NULL)::cmms.work_order_change)
             AS changes
    FROM judged j GROUP BY 1, 2, 3, 4, CASE WHEN j.fields = '{}' THEN (j.change).changed_fields END
  LOOP
    IF refused.is_sendable THEN
      sendable := sendable || refused.changes;
    ELSIF NOT refused.is_known THEN
      PERFORM cmms.set_record_states(resource, refused.changes, 'rejected',
        format('provider "%s" has no %s of %s', refused.provider_id, refused.operation, resource));
    ELSE
      PERFORM cmms.set_record_states(resource, refused.changes, 'rejected',
        format('provider "%s" cannot be told of %s', refused.provider_id, array_to_string((refused.changes[1]).changed_fields, ', ')));
    END IF;
  END LOOP;
  IF sendable IS NULL THEN
    RETURN;
  END IF;
  PERFORM cmms.merge_into_outbox(resource, sendable, drafting, cmms.calling_role());
  IF drafting <> '{}' THEN
    PERFORM cmms.set_record_states(resource, ARRAY(SELECT c FROM unnest(sendable) c WHERE c.provider_id = ANY (drafting)), 'awaiting_approval');
  END IF;
  PERFORM cmms.wake_worker();
END
$$;
COMMENT ON FUNCTION cmms.enqueue_records(text, jsonb[], jsonb[]) IS
'Queues local changes of parts or assets, given as to_jsonb of their rows before and after; those that the provider''s type does not take are marked as rejected. SQLSTATE WO002: the provider''s mode forbids it.';

CREATE FUNCTION cmms.enqueue_record_deletes(resource text, before jsonb[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  changes cmms.work_order_change[] := ARRAY(SELECT cmms.record_change(resource, b, '{}') FROM unnest(before) b);
  servers constant text[] := ARRAY(SELECT s.srvname::text FROM pg_foreign_server s);
  busy uuid;
BEGIN
  -- Where the server is gone there is nobody to tell.
  PERFORM cmms.check_record_mode(resource, changes);
  SELECT q.record_id INTO busy
  FROM unnest(changes) c
  CROSS JOIN LATERAL (SELECT x.record_id, x.operation, x.state FROM cmms.outbox x
                      WHERE x.tenant_id = c.tenant_id AND x.resource = enqueue_record_deletes.resource AND x.record_id = c.common_work_order_id
                      LIMIT 1 FOR UPDATE) q
  WHERE c.source_work_order_id IS NULL AND q.state IN ('in_flight', 'in_doubt') AND c.provider_id = ANY (servers)
  LIMIT 1;
  IF busy IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_in_use', MESSAGE = format('%s %s is being created at the provider', resource, busy),
      HINT = 'Delete it once its creation is settled.';
  END IF;
  DELETE FROM cmms.outbox q
  USING (SELECT x.ctid FROM unnest(changes) c
         CROSS JOIN LATERAL (SELECT o.ctid FROM cmms.outbox o WHERE o.tenant_id = c.tenant_id AND o.resource = enqueue_record_deletes.resource
                               AND o.record_id = c.common_work_order_id AND o.state NOT IN ('in_flight', 'in_doubt') LIMIT 1) x) d
  WHERE q.ctid = d.ctid;

  -- Its type may have no delete: then the worker's attempt says so, as for an order.
  INSERT INTO cmms.outbox AS q (tenant_id, resource, record_id, provider_id, operation, source_record_id, state, changed_by)
  SELECT c.tenant_id, enqueue_record_deletes.resource, c.common_work_order_id, c.provider_id, 'delete', c.source_work_order_id,
         cmms.unsent_state(c.provider_id), cmms.calling_role()
  FROM unnest(changes) c
  WHERE c.source_work_order_id IS NOT NULL AND c.provider_id = ANY (servers)
  ON CONFLICT (tenant_id, resource, record_id) DO UPDATE
    SET operation = 'delete', changed_fields = '{}', change_seq = q.change_seq + 1, changed_by = excluded.changed_by,
        source_record_id = excluded.source_record_id;
  PERFORM cmms.wake_worker();
END
$$;
COMMENT ON FUNCTION cmms.enqueue_record_deletes(text, jsonb[]) IS
'Queues the deletion of parts or assets that their provider has; forgets those that were never sent. SQLSTATEs: 55006 the record''s creation is under way, WO002 the provider''s mode forbids it.';

CREATE FUNCTION cmms.record_queued() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  key constant text := TG_TABLE_NAME || '_id';
  before jsonb[];
  after jsonb[];
BEGIN
  IF cmms.restoring() THEN
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    PERFORM cmms.enqueue_records(TG_TABLE_NAME, NULL, ARRAY(SELECT to_jsonb(n) - 'source_doc' FROM new_rows n));
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM cmms.enqueue_record_deletes(TG_TABLE_NAME, ARRAY(SELECT to_jsonb(o) - 'source_doc' FROM old_rows o));
  ELSE
    -- A full join has no nested-loop plan: this stays a hash join whatever the first statement's size was.
    SELECT array_agg(o.row), array_agg(n.row) INTO before, after
    FROM (SELECT to_jsonb(x) - 'source_doc' AS row, to_jsonb(x) ->> key AS key, x.tenant_id FROM old_rows x) o
    FULL JOIN (SELECT to_jsonb(x) - 'source_doc' AS row, to_jsonb(x) ->> key AS key, x.tenant_id FROM new_rows x) n
      ON n.key = o.key AND n.tenant_id = o.tenant_id;
    PERFORM cmms.enqueue_records(TG_TABLE_NAME, before, after);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.record_queued() IS
'Statement trigger of asset and part after a local change: outbox. SQLSTATEs: 55006 a record to be deleted is being created, WO002 the provider''s mode forbids the change.';

DO $$
DECLARE
  resource text;
  event text;
BEGIN
  FOREACH resource IN ARRAY ARRAY['asset', 'part'] LOOP
    FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE'] LOOP
      EXECUTE pg_catalog.format('CREATE TRIGGER queued_%s AFTER %s ON cmms.%I REFERENCING %s FOR EACH STATEMENT'
        || ' WHEN (cmms.change_origin() = ''local'') EXECUTE FUNCTION cmms.record_queued()', pg_catalog.lower(event), event, resource,
        CASE event WHEN 'INSERT' THEN 'NEW TABLE AS new_rows' WHEN 'DELETE' THEN 'OLD TABLE AS old_rows'
                   ELSE 'OLD TABLE AS old_rows NEW TABLE AS new_rows' END);
    END LOOP;
  END LOOP;
END
$$;
