-- What goes with a local change of an asset, a part or a person: tenant, time stamps, sync_state and events; and of what is append-only.
-- Of a provider's news the triggers know nothing: who applies those writes all of it in one go.

CREATE FUNCTION cmms.record_changes(before jsonb, after jsonb) RETURNS text[]
  IMMUTABLE PARALLEL SAFE LANGUAGE sql
  RETURN ARRAY(
    SELECT a.key FROM pg_catalog.jsonb_each(after) AS a(key, value)
    WHERE coalesce(before OPERATOR(pg_catalog.->) a.key, 'null') OPERATOR(pg_catalog.<>) a.value
      AND NOT a.key OPERATOR(pg_catalog.=) ANY (ARRAY['tenant_id', 'provider_id', 'asset_id', 'part_id', 'person_id', 'source_asset_id',
        'source_part_id', 'source_person_id', 'source_doc', 'source_fields', 'source_updated_at', 'source_revision', 'sync_state',
        'last_synced_at', 'awaited_echo', 'last_error', 'last_error_class', 'last_error_detail', 'created_at', 'updated_at', 'comment_id',
        'common_work_order_id', 'source_comment_id', 'added_by'])
    ORDER BY a.key);
COMMENT ON FUNCTION cmms.record_changes(jsonb, jsonb) IS
'Names of the business columns in which two versions of an asset, a part or a person differ (to_jsonb of the rows), in alphabetical order; empty if none. With a null first version: the columns that are set.';

CREATE FUNCTION cmms.require_provider_tenant(provider_id text, tenant_id text) RETURNS text
  STABLE LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  own constant text := cmms.provider_tenant(provider_id);
BEGIN
  IF tenant_id <> own THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
      MESSAGE = format('provider "%s" does not belong to tenant "%s"', provider_id, tenant_id),
      HINT = 'Leave tenant_id out: it is filled in from the provider.';
  END IF;
  RETURN own;
END
$$;
COMMENT ON FUNCTION cmms.require_provider_tenant(text, text) IS
'Tenant of a provider. tenant_id: what the caller says it is, or null. SQLSTATEs: WO001 unknown provider, 23000 it is another tenant''s.';

-- Its argument is the sync_state of a local change.
CREATE FUNCTION cmms.record_guard() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  key constant text := TG_TABLE_NAME || '_id';
BEGIN
  IF cmms.restoring() THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' THEN
    NEW.tenant_id := cmms.require_provider_tenant(NEW.provider_id, NEW.tenant_id);
    NEW.sync_state := TG_ARGV[0];
    RETURN NEW;
  END IF;
  IF NEW.tenant_id <> OLD.tenant_id OR NEW.provider_id <> OLD.provider_id OR to_jsonb(NEW) -> key <> to_jsonb(OLD) -> key THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
      MESSAGE = format('tenant, provider and id of %s %s cannot be changed', TG_TABLE_NAME, to_jsonb(OLD) ->> key),
      HINT = format('Insert a new %s for the other provider.', TG_TABLE_NAME);
  END IF;
  IF cmms.record_changes(to_jsonb(OLD), to_jsonb(NEW)) <> '{}' THEN
    NEW.updated_at := now();
    IF OLD.sync_state <> 'in_doubt' THEN
      NEW.sync_state := TG_ARGV[0];
    END IF;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION cmms.record_guard() IS
'Row trigger of asset, part and person: fills in the tenant, keeps identities, sets updated_at and sync_state of local changes. SQLSTATEs: WO001 unknown provider, 23000 tenant, provider or id changed.';

-- What there is of rows and their old versions comes as arrays, of which one may be empty.
CREATE FUNCTION cmms.add_record_events(resource text, event_type text, before jsonb[], after jsonb[], cause text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  key constant text := resource || '_id';
  source_key constant text := 'source_' || resource || '_id';
  summary record;
BEGIN
  FOR summary IN
    WITH written AS (
      INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, resource, record_id, detail)
      SELECT r.row ->> 'tenant_id', add_record_events.event_type, r.row ->> 'provider_id', add_record_events.resource, (r.row ->> key)::uuid,
             jsonb_strip_nulls(jsonb_build_object('cause', cause, 'changed', nullif(r.changed, '{}'), source_key, r.row -> source_key))
      FROM (SELECT coalesce(a, b) AS row, CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN cmms.record_changes(b, a) ELSE '{}' END AS changed,
                   a IS NOT NULL AND b IS NOT NULL AS is_update
            FROM unnest(before, after) AS v(b, a)) r
      WHERE NOT r.is_update OR r.changed <> '{}'
      RETURNING e.tenant_id, e.provider_id, e.event_id)
    SELECT w.tenant_id, w.provider_id, count(*) AS records, max(w.event_id) AS last_event_id
    FROM written w GROUP BY w.tenant_id, w.provider_id
  LOOP
    PERFORM cmms.notify_event(event_type, summary.tenant_id, summary.provider_id, summary.records, summary.last_event_id);
  END LOOP;
END
$$;
COMMENT ON FUNCTION cmms.add_record_events(text, text, jsonb[], jsonb[], text) IS
'Writes the events of inserted, changed or deleted assets, parts or persons and tells who listens. before, after: the rows (to_jsonb), pairwise; an update without a difference is no event. cause: local or provider.';

CREATE FUNCTION cmms.record_inserted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF NOT cmms.restoring() THEN
    PERFORM cmms.add_record_events(TG_TABLE_NAME, TG_TABLE_NAME || '.created', NULL, ARRAY(SELECT to_jsonb(n) FROM new_rows n), 'local');
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.record_inserted() IS 'Statement trigger of asset, part and person after INSERT: events of local changes.';

CREATE FUNCTION cmms.record_updated() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  key constant text := TG_TABLE_NAME || '_id';
  before jsonb[];
  after jsonb[];
BEGIN
  IF cmms.restoring() THEN
    RETURN NULL;
  END IF;
  -- A full join has no nested-loop plan: this stays a hash join whatever the first statement's size was.
  SELECT array_agg(o.row), array_agg(n.row) INTO before, after
  FROM (SELECT to_jsonb(x) AS row, to_jsonb(x) ->> key AS key, x.tenant_id FROM old_rows x) o
  FULL JOIN (SELECT to_jsonb(x) AS row, to_jsonb(x) ->> key AS key, x.tenant_id FROM new_rows x) n
    ON n.key = o.key AND n.tenant_id = o.tenant_id;
  PERFORM cmms.add_record_events(TG_TABLE_NAME, TG_TABLE_NAME || '.updated', before, after, 'local');
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.record_updated() IS 'Statement trigger of asset, part and person after UPDATE: events of local changes.';

CREATE FUNCTION cmms.record_deleted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  PERFORM cmms.add_record_events(TG_TABLE_NAME, TG_TABLE_NAME || '.deleted', ARRAY(SELECT to_jsonb(o) FROM old_rows o), NULL,
                                 CASE cmms.change_origin() WHEN 'local' THEN 'local' ELSE 'provider' END);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.record_deleted() IS 'Statement trigger of asset, part and person after DELETE: events.';

DO $$
DECLARE
  resource text;
BEGIN
  FOREACH resource IN ARRAY ARRAY['asset', 'part', 'person'] LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON cmms.%I FOR EACH ROW'
      || ' WHEN (cmms.change_origin() = ''local'') EXECUTE FUNCTION cmms.record_guard(%L)', resource,
      CASE resource WHEN 'person' THEN 'local' ELSE 'pending' END);
    EXECUTE pg_catalog.format('CREATE TRIGGER inserted AFTER INSERT ON cmms.%I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT'
      || ' WHEN (cmms.change_origin() = ''local'') EXECUTE FUNCTION cmms.record_inserted()', resource);
    EXECUTE pg_catalog.format('CREATE TRIGGER updated AFTER UPDATE ON cmms.%I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'
      || ' FOR EACH STATEMENT WHEN (cmms.change_origin() = ''local'') EXECUTE FUNCTION cmms.record_updated()', resource);
    EXECUTE pg_catalog.format('CREATE TRIGGER deleted AFTER DELETE ON cmms.%I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT'
      || ' EXECUTE FUNCTION cmms.record_deleted()', resource);
    EXECUTE pg_catalog.format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON cmms.%I FOR EACH STATEMENT'
      || ' EXECUTE FUNCTION cmms.refuse_truncate()', resource);
  END LOOP;
END
$$;

-- What a provider names by its own keys, in ours where it is here.
CREATE FUNCTION cmms.find_work_order(tenant_id text, provider_id text, work_order_ref text) RETURNS uuid
  STABLE LANGUAGE sql
  RETURN (SELECT w.common_work_order_id FROM cmms.work_order w
          WHERE w.tenant_id OPERATOR(pg_catalog.=) find_work_order.tenant_id AND w.provider_id OPERATOR(pg_catalog.=) find_work_order.provider_id
            AND w.source_work_order_id OPERATOR(pg_catalog.=) find_work_order.work_order_ref);
COMMENT ON FUNCTION cmms.find_work_order(text, text, text) IS 'Our id of the order that a provider names by its key; null: it is not here.';

CREATE FUNCTION cmms.part_transaction_completed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF cmms.restoring() THEN
    RETURN NEW;
  END IF;
  NEW.tenant_id := cmms.require_provider_tenant(NEW.provider_id, NEW.tenant_id);
  NEW.part_id := coalesce(NEW.part_id, (SELECT p.part_id FROM cmms.part p WHERE p.tenant_id = NEW.tenant_id
                                         AND p.provider_id = NEW.provider_id AND p.source_part_id = NEW.part_ref));
  NEW.common_work_order_id := coalesce(NEW.common_work_order_id, cmms.find_work_order(NEW.tenant_id, NEW.provider_id, NEW.work_order_ref));
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION cmms.part_transaction_completed() IS
'Row trigger of part_transaction: fills in the tenant, and the part and the order that it names. SQLSTATEs: WO001 unknown provider, 23000 it is another tenant''s.';
CREATE TRIGGER completed BEFORE INSERT ON cmms.part_transaction
  FOR EACH ROW EXECUTE FUNCTION cmms.part_transaction_completed();

CREATE FUNCTION cmms.comment_completed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.common_work_order_id := coalesce(NEW.common_work_order_id, cmms.find_work_order(NEW.tenant_id, NEW.provider_id, NEW.work_order_ref));
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION cmms.comment_completed() IS 'Row trigger of comment: fills in the order that a provider''s comment names.';
CREATE TRIGGER completed BEFORE INSERT ON cmms.comment
  FOR EACH ROW WHEN (NEW.work_order_ref IS NOT NULL) EXECUTE FUNCTION cmms.comment_completed();
