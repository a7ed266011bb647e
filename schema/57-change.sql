-- What follows a statement on work_order: status history, outbox and events, each written by one statement for all rows.
-- Rows are handed on in arrays: a plan over a transition table is cached with the row count of its first use, and a plan
-- made for one row would need hours for ten thousand. Generic plans are forced: the planner would otherwise think that
-- planning anew for every single-row statement pays.
-- What follows an INSERT is written by the library (src/pg/functions/new_orders.cpp), one order by itself or many from a table.
-- Of a provider's news and the worker's results the triggers know nothing: who applies those writes all of it in one go.

-- The foreign keys to the vocabularies would look up the status and the priority of each row anew, which is a sixth of an import. New
-- rows are checked here instead, each value once for a statement; updates and the vocabularies' own side stay with the foreign keys.
CREATE FUNCTION cmms.work_order_inserted() RETURNS trigger
  AS 'MODULE_PATHNAME', 'cmms_work_order_inserted' LANGUAGE c;
COMMENT ON FUNCTION cmms.work_order_inserted() IS
'Statement trigger of work_order after INSERT. In place of the checks of new rows by the foreign keys: common_status and priority must be in their vocabularies, and stay there until the transaction ends (SQLSTATE 23503: one is not). Of local orders: status history, outbox, events (SQLSTATE WO002: the provider''s mode forbids it).';

-- Of an order with something in the outbox, of which an attempt may be under way, or whose last push has not been heard of again.
CREATE FUNCTION cmms.replaced_values(before cmms.work_order, changed_fields text[]) RETURNS jsonb
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_object_agg(f, jsonb_build_object('0', b -> f)) FROM to_jsonb(before) b, unnest(changed_fields) f WHERE b -> f <> 'null'
$$;
COMMENT ON FUNCTION cmms.replaced_values(cmms.work_order, text[]) IS 'Values that a change has replaced, as cmms.with_sent_values takes them. Internal.';

CREATE FUNCTION cmms.work_order_updated() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  changes cmms.work_order_change[];
  moved boolean;
  summary record;
BEGIN
  IF cmms.restoring() THEN
    RETURN NULL;
  END IF;
  -- A full join has no nested-loop plan: this stays a hash join whatever the first statement's size was.
  SELECT array_agg(ROW(c.tenant_id, c.common_work_order_id, c.provider_id, c.source_work_order_id, c.changed_fields,
                       c.from_status, c.to_status, c.source_status,
                       CASE WHEN (c.before).awaited_echo IS NOT NULL
                                 OR (c.before).sync_state NOT IN ('imported', 'synchronized', 'stale', 'rejected')
                            THEN cmms.replaced_values(c.before, c.changed_fields) END)::cmms.work_order_change)
           FILTER (WHERE c.changed_fields <> '{}'),
         bool_or(c.from_status <> c.to_status)
    INTO changes, moved
  FROM (SELECT n.tenant_id, n.common_work_order_id, n.provider_id, n.source_work_order_id,
               cmms.work_order_changes(o::cmms.work_order, n::cmms.work_order) AS changed_fields,
               o.common_status AS from_status, n.common_status AS to_status, n.source_status,
               o::cmms.work_order AS before
        FROM old_rows o FULL JOIN new_rows n
          ON n.common_work_order_id = o.common_work_order_id AND n.tenant_id = o.tenant_id) c;
  IF changes IS NULL THEN
    RETURN NULL;
  END IF;

  PERFORM cmms.enqueue(changes, is_insert => false);
  PERFORM cmms.wake_worker();

  IF moved THEN
    -- By row address: a join on the key could be planned for one order and run for ten thousand.
    UPDATE cmms.status_history h SET left_at = now()
    FROM (SELECT x.ctid FROM unnest(changes) c
          CROSS JOIN LATERAL (SELECT r.ctid FROM cmms.status_history r
                              WHERE r.tenant_id = c.tenant_id AND r.common_work_order_id = c.common_work_order_id
                                AND r.left_at IS NULL OFFSET 0) x
          WHERE c.from_status <> c.to_status) d
    WHERE h.ctid = d.ctid;
    INSERT INTO cmms.status_history (tenant_id, common_work_order_id, from_status, to_status, source_status, cause, changed_by)
    SELECT c.tenant_id, c.common_work_order_id, c.from_status, c.to_status, c.source_status, 'local', cmms.calling_role()
    FROM unnest(changes) c WHERE c.from_status <> c.to_status;
  END IF;

  FOR summary IN
    WITH written AS (
      INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail)
      SELECT c.tenant_id,
             cmms.update_event_type(c.from_status, c.to_status),
             c.provider_id, c.common_work_order_id,
             cmms.update_event_detail('local', c.changed_fields, c.from_status, c.to_status)
      FROM unnest(changes) c
      RETURNING e.event_type, e.tenant_id, e.provider_id, e.event_id)
    SELECT w.event_type, w.tenant_id, w.provider_id, count(*) AS records, max(w.event_id) AS last_event_id
    FROM written w GROUP BY w.event_type, w.tenant_id, w.provider_id
  LOOP
    PERFORM cmms.notify_event(summary.event_type, summary.tenant_id, summary.provider_id, summary.records, summary.last_event_id);
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.work_order_updated() IS 'Statement trigger of work_order after UPDATE: outbox (local changes), status history, events. Changes of columns that are not pushed leave no trace.';

CREATE FUNCTION cmms.work_order_deleted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  origin constant text := cmms.change_origin();
  changes cmms.work_order_change[];
  summary record;
BEGIN
  SELECT array_agg(ROW(o.tenant_id, o.common_work_order_id, o.provider_id, o.source_work_order_id, NULL, NULL, NULL,
                       NULL, NULL)::cmms.work_order_change)
    INTO changes FROM old_rows o;
  IF changes IS NULL THEN
    RETURN NULL;
  END IF;

  IF origin = 'local' THEN
    PERFORM cmms.enqueue_delete(changes);
    PERFORM cmms.wake_worker();
  ELSE
    DELETE FROM cmms.outbox t
    USING (SELECT x.ctid FROM unnest(changes) c
           CROSS JOIN LATERAL (SELECT r.ctid FROM cmms.outbox r
                               WHERE r.tenant_id = c.tenant_id AND r.resource = 'work_order' AND r.record_id = c.common_work_order_id OFFSET 0) x) d
    WHERE t.ctid = d.ctid;
  END IF;

  -- By row address: see above for why not by a join on the key.
  DELETE FROM cmms.status_history t
  USING (SELECT x.ctid FROM unnest(changes) c
         CROSS JOIN LATERAL (SELECT r.ctid FROM cmms.status_history r
                             WHERE r.tenant_id = c.tenant_id AND r.common_work_order_id = c.common_work_order_id OFFSET 0) x) d
  WHERE t.ctid = d.ctid;
  DELETE FROM cmms.conflict t
  USING (SELECT x.ctid FROM unnest(changes) c
         CROSS JOIN LATERAL (SELECT r.ctid FROM cmms.conflict r
                             WHERE r.tenant_id = c.tenant_id AND r.record_id = c.common_work_order_id OFFSET 0) x) d
  WHERE t.ctid = d.ctid;
  DELETE FROM cmms.comment t
  USING (SELECT x.ctid FROM unnest(changes) c
         CROSS JOIN LATERAL (SELECT r.ctid FROM cmms.comment r
                             WHERE r.tenant_id = c.tenant_id AND r.common_work_order_id = c.common_work_order_id OFFSET 0) x) d
  WHERE t.ctid = d.ctid;
  DELETE FROM cmms.attachment t
  USING (SELECT x.ctid FROM unnest(changes) c
         CROSS JOIN LATERAL (SELECT r.ctid FROM cmms.attachment r
                             WHERE r.tenant_id = c.tenant_id AND r.common_work_order_id = c.common_work_order_id OFFSET 0) x) d
  WHERE t.ctid = d.ctid;
  DELETE FROM cmms.row_link t
  USING (SELECT x.ctid FROM unnest(changes) c
         CROSS JOIN LATERAL (SELECT r.ctid FROM cmms.row_link r
                             WHERE r.tenant_id = c.tenant_id AND r.common_work_order_id = c.common_work_order_id OFFSET 0) x) d
  WHERE t.ctid = d.ctid;

  FOR summary IN
    WITH written AS (
      INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail)
      SELECT c.tenant_id, 'work_order.deleted', c.provider_id, c.common_work_order_id,
             jsonb_build_object('cause', origin, 'source_work_order_id', c.source_work_order_id)
      FROM unnest(changes) c
      RETURNING e.tenant_id, e.provider_id, e.event_id)
    SELECT w.tenant_id, w.provider_id, count(*) AS records, max(w.event_id) AS last_event_id
    FROM written w GROUP BY w.tenant_id, w.provider_id
  LOOP
    PERFORM cmms.notify_event('work_order.deleted', summary.tenant_id, summary.provider_id, summary.records, summary.last_event_id);
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.work_order_deleted() IS
'Statement trigger of work_order after DELETE: the deletion is queued for the provider (local deletes), history, comments, attachments and row links go, events. SQLSTATEs: 55006 the order''s creation is under way, WO002 the provider''s mode forbids it.';

CREATE FUNCTION cmms.refuse_truncate() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %I.%I cannot be truncated', TG_TABLE_SCHEMA, TG_TABLE_NAME),
    HINT = 'Use DELETE: what waits in the outbox must be known.';
END
$$;
COMMENT ON FUNCTION cmms.refuse_truncate() IS 'Statement trigger of work_order, asset, part and person before TRUNCATE: refuses it (SQLSTATE 0A000), since the outbox would be left behind.';

-- New orders do not lock their words: who takes one away keeps all writers of orders out until he has committed, after those that are
-- under way. The foreign key then finds every order that has it.
CREATE FUNCTION cmms.vocabulary_shrinks() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  LOCK TABLE cmms.work_order IN SHARE ROW EXCLUSIVE MODE;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.vocabulary_shrinks() IS
'Statement trigger of common_status and priority before a word is renamed or deleted: waits for the writers of work_order and keeps others out until the transaction ends.';
DO $$
DECLARE
  vocabulary name;
BEGIN
  FOREACH vocabulary IN ARRAY ARRAY['common_status', 'priority'] LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER shrinks BEFORE UPDATE OF name OR DELETE ON cmms.%I FOR EACH STATEMENT'
                              ' EXECUTE FUNCTION cmms.vocabulary_shrinks()', vocabulary);
    EXECUTE pg_catalog.format('CREATE TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE ON cmms.%I FOR EACH STATEMENT'
                              ' EXECUTE FUNCTION cmms.configuration_changed()', vocabulary);
  END LOOP;
END
$$;
-- Checked by cmms.work_order_inserted.
DO $$
DECLARE
  row_check name;
BEGIN
  FOR row_check IN
    SELECT t.tgname FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = 'cmms.work_order'::pg_catalog.regclass AND t.tgfoid = 'pg_catalog."RI_FKey_check_ins"'::pg_catalog.regproc
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE cmms.work_order DISABLE TRIGGER %I', row_check);
  END LOOP;
END
$$;

CREATE TRIGGER inserted AFTER INSERT ON cmms.work_order
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.work_order_inserted();
CREATE TRIGGER updated AFTER UPDATE ON cmms.work_order
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
  WHEN (cmms.change_origin() = 'local') EXECUTE FUNCTION cmms.work_order_updated();
CREATE TRIGGER deleted AFTER DELETE ON cmms.work_order
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.work_order_deleted();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON cmms.work_order
  FOR EACH STATEMENT EXECUTE FUNCTION cmms.refuse_truncate();

-- Requeueing by hand.

-- The rights of the calling role on a tenant: a superuser and the extension's owner have all.
CREATE FUNCTION cmms.has_tenant(tenant_id text, level text DEFAULT 'write') RETURNS boolean
  STABLE LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN pg_has_role(cmms.calling_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = 'cmms.work_order'::regclass), 'USAGE')
    OR EXISTS (SELECT FROM cmms.tenant_access a
               WHERE a.tenant_id = has_tenant.tenant_id AND (has_tenant.level = 'read' OR a.level = 'write')
                 AND pg_has_role(cmms.calling_role(), a.role_name, 'MEMBER'));
END
$$;
COMMENT ON FUNCTION cmms.has_tenant(text, text) IS 'Whether the calling role may read or write (level) records of a tenant.';

-- The orders are locked by the caller.
CREATE FUNCTION cmms.retry_orders(tenant_id text, record_ids uuid[]) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  again bigint;
  dropped cmms.work_order_change[];
BEGIN
  -- In doubt stays in doubt: it is looked up now instead of later. In flight has an attempt under way.
  WITH queued AS (
    UPDATE cmms.outbox q
    SET state = CASE q.state WHEN 'held' THEN 'pending' ELSE q.state END,
        attempts = CASE WHEN q.state IN ('pending', 'held') THEN 0 ELSE q.attempts END,
        next_attempt_at = CASE q.state WHEN 'in_flight' THEN q.next_attempt_at ELSE now() END
    WHERE q.tenant_id = retry_orders.tenant_id AND q.resource = 'work_order' AND q.record_id = ANY (record_ids)
    RETURNING q.state)
  SELECT count(*) FILTER (WHERE queued.state <> 'in_flight') INTO again FROM queued;

  -- Rows are looked up by key one by one: a join could be planned for one order and run for ten thousand.
  SELECT array_agg(ROW(w.tenant_id, w.common_work_order_id, w.provider_id, w.source_work_order_id, cmms.work_order_changes(NULL, w::cmms.work_order),
                       NULL, NULL, NULL, NULL)::cmms.work_order_change) INTO dropped
  FROM unnest(record_ids) AS k(record_id)
  CROSS JOIN LATERAL (SELECT o.* FROM cmms.work_order o
                      WHERE o.tenant_id = retry_orders.tenant_id AND o.common_work_order_id = k.record_id LIMIT 1) w
  LEFT JOIN LATERAL (SELECT true AS waits FROM cmms.outbox x
                     WHERE x.tenant_id = retry_orders.tenant_id AND x.resource = 'work_order' AND x.record_id = k.record_id LIMIT 1) q ON true
  WHERE w.sync_state IN ('rejected', 'retrying', 'held') AND q.waits IS NULL;
  IF dropped IS NOT NULL THEN
    PERFORM cmms.enqueue(dropped, is_insert => false);
  END IF;

  UPDATE cmms.work_order w SET sync_state = d.state
  FROM (SELECT o.place, q.state FROM unnest(record_ids) AS k(record_id)
        CROSS JOIN LATERAL (SELECT x.state FROM cmms.outbox x
                            WHERE x.tenant_id = retry_orders.tenant_id AND x.resource = 'work_order' AND x.record_id = k.record_id LIMIT 1) q
        CROSS JOIN LATERAL (SELECT x.ctid AS place FROM cmms.work_order x
                            WHERE x.tenant_id = retry_orders.tenant_id AND x.common_work_order_id = k.record_id LIMIT 1) o
        WHERE q.state IN ('pending', 'awaiting_approval')) d
  WHERE w.ctid = d.place;
  PERFORM cmms.wake_worker();
  RETURN again + coalesce(cardinality(dropped), 0);
END
$$;
COMMENT ON FUNCTION cmms.retry_orders(text, uuid[]) IS 'Sends orders of one tenant again; returns how many. Internal: for cmms.retry and cmms.retry_all.';

CREATE FUNCTION cmms.retry(common_work_order_id uuid) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenant text;
  provider text;
BEGIN
  SELECT w.tenant_id, w.provider_id INTO tenant, provider FROM cmms.work_order w
  WHERE w.common_work_order_id = retry.common_work_order_id AND cmms.has_tenant(w.tenant_id, 'write')
  FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('work order %s does not exist', common_work_order_id);
  END IF;
  IF cmms.retry_orders(tenant, ARRAY[common_work_order_id]) = 0 THEN
    RETURN false;
  END IF;
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (tenant, 'retry', provider, jsonb_build_object('common_work_order_id', common_work_order_id), cmms.calling_role());
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.retry(uuid) IS
'Sends an order again now, with a fresh count of attempts: one that was rejected or held, or that waits for its next attempt; one in doubt is looked up now. In mode draft it waits for cmms.approve anew. Written to audit_log. Returns whether there was anything to do. SQLSTATE P0002: no such order, or not the caller''s tenant.';
