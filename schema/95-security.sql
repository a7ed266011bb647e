-- Security: tenants are walls for every role but the owner, next to nothing is granted to PUBLIC, and pg_dump keeps what is the user's.

CREATE TABLE cmms.tenant_access (
  tenant_id text NOT NULL CHECK (tenant_id <> ''),
  role_name name NOT NULL,
  level text NOT NULL DEFAULT 'write' CHECK (level IN ('read', 'write')),
  PRIMARY KEY (tenant_id, role_name)
);
COMMENT ON TABLE cmms.tenant_access IS 'Which roles, and the members of them, may read or write records of which tenant. Written by cmms.grant_access.';
COMMENT ON COLUMN cmms.tenant_access.tenant_id IS 'Tenant.';
COMMENT ON COLUMN cmms.tenant_access.role_name IS 'Role.';
COMMENT ON COLUMN cmms.tenant_access.level IS 'read, or write (which includes read).';
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON cmms.tenant_access
  FOR EACH ROW EXECUTE FUNCTION cmms.audit_configuration();

CREATE FUNCTION cmms.grant_access(role_name name, tenant_id text DEFAULT 'default', level text DEFAULT 'write') RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  object text;
BEGIN
  IF grant_access.level NOT IN ('read', 'write') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('unknown level "%s"', grant_access.level),
      HINT = 'Valid levels are: read, write.';
  END IF;
  INSERT INTO cmms.tenant_access AS a (tenant_id, role_name, level)
  VALUES (grant_access.tenant_id, grant_access.role_name, grant_access.level)
  ON CONFLICT (tenant_id, role_name) DO UPDATE SET level = excluded.level;

  -- Rights on tables are those of all tenants together; which rows, and to what end, the policies decide by tenant_access.
  EXECUTE format('GRANT USAGE ON SCHEMA cmms TO %I', grant_access.role_name);
  FOREACH object IN ARRAY ARRAY['common_status', 'priority', 'sync_state', 'error_class', 'mode', 'event_type', 'transition',
      'provider', 'provider_state', 'field_map', 'value_map', 'map_version', 'provider_value', 'unmapped_value', 'held_record', 'work_order', 'asset', 'part', 'part_transaction', 'person',
      'status_history', 'comment', 'attachment', 'identity_alias', 'outbox', 'event', 'webhook_event', 'poll_cursor', 'read_back', 'quota_count', 'quota_usage', 'row_link', 'sync_log', 'conflict', 'echo_count', 'tenant_access',
      'sync_health', 'backfill_progress', 'sync_history', 'work_order_overview', 'row_status', 'pending_approval', 'identity_proposal', 'needs_attention'] LOOP
    EXECUTE format('GRANT SELECT ON cmms.%I TO %I', object, grant_access.role_name);
  END LOOP;
  FOREACH object IN ARRAY ARRAY['allowed_statuses(uuid)', 'next_suggested_status(uuid)', 'status_path(text, text)', 'relative_time(bigint)', 'normalize_reference(text, text)', 'resolve_reference(text, text, cmms.identity_kind, text)',
      'provider_reference(text, text, cmms.identity_kind, text)',
     
      'status_history_of(uuid)', 'status_history_document(uuid)', 'sees_tenant(text)', 'is_armed()', 'worker_trouble()', 'describe_provider(text)', 'quotas(text)', 'poll_now(text)', 'wait_until_idle(interval)'] LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION cmms.%s TO %I', object, grant_access.role_name);
  END LOOP;
  IF grant_access.level = 'write' THEN
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON cmms.work_order, cmms.asset, cmms.part, cmms.person TO %I', grant_access.role_name);
    EXECUTE format('GRANT INSERT ON cmms.part_transaction TO %I', grant_access.role_name);
    FOREACH object IN ARRAY ARRAY['retry(uuid)', 'retry_record(text, uuid)', 'approve_record(text, uuid)', 'discard_record(text, uuid, text)',
        'retry_all(text, timestamptz, text)', 'discard(uuid, text)', 'settle(bigint, text, text, text)',
        'approve(uuid)', 'reject(uuid, text)', 'merge_identity(cmms.identity_kind, text, text, boolean, text, text, text)',
        'retire_reference(cmms.identity_kind, text, text, text)', 'reinstate_reference(cmms.identity_kind, text, text)', 'resolve(text, bigint, text, jsonb, text)',
        'ingest_webhook(text, bytea, jsonb)', 'request_read_back(text, text, text[])', 'sync_row()', 'change_origin()', 'provider_tenant(text)',
        'preview_inbound(text, text, jsonb)', 'preview_outbound(text, uuid)', 'preview_request(uuid)', 'preview_recent(text, integer)',
        'lock_work_order(uuid)', 'set_status(uuid, text)', 'set_status_because(uuid, text, text)', 'require_text(text, text)',
        'assign(uuid, text[])', 'complete(uuid, timestamptz)', 'close(uuid)', 'reopen(uuid, text)', 'cancel(uuid, text)',
        'hold(uuid, text)', 'resume(uuid)', 'comment(uuid, text, text, text)', 'attach(uuid, text, text, text, bytea)'] LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION cmms.%s TO %I', object, grant_access.role_name);
    END LOOP;
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.grant_access(name, text, text) IS
'Lets a role, and its members, read or write (level) the records of a tenant, with all rights on tables, views and functions that this takes. To take it back: DELETE FROM cmms.tenant_access. SQLSTATEs: 42704 no such role, 22023 unknown level.';

-- One policy for reading and one for writing; the sub-select is evaluated once per query, so that an index on tenant_id serves it.
DO $$
DECLARE
  protected text;
  readable constant text := 'tenant_id = ANY (ARRAY(SELECT a.tenant_id FROM cmms.tenant_access a'
    || ' WHERE pg_catalog.pg_has_role(current_user, a.role_name, ''MEMBER'')))';
  writable constant text := 'tenant_id = ANY (ARRAY(SELECT a.tenant_id FROM cmms.tenant_access a'
    || ' WHERE a.level = ''write'' AND pg_catalog.pg_has_role(current_user, a.role_name, ''MEMBER'')))';
BEGIN
  FOREACH protected IN ARRAY ARRAY['provider', 'provider_value', 'unmapped_value', 'held_record', 'work_order', 'asset', 'part', 'part_transaction', 'person',
      'status_history', 'outbox', 'event', 'webhook_event', 'poll_cursor', 'read_back', 'quota_count', 'row_link', 'sync_log', 'audit_log', 'conflict', 'comment', 'attachment', 'identity_alias'] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE cmms.%I ENABLE ROW LEVEL SECURITY', protected);
    EXECUTE pg_catalog.format('CREATE POLICY tenant_read ON cmms.%I FOR SELECT USING (%s)', protected, readable);
    EXECUTE pg_catalog.format('CREATE POLICY tenant_insert ON cmms.%I FOR INSERT WITH CHECK (%s)', protected, writable);
    EXECUTE pg_catalog.format('CREATE POLICY tenant_update ON cmms.%I FOR UPDATE USING (%s)', protected, writable);
    EXECUTE pg_catalog.format('CREATE POLICY tenant_delete ON cmms.%I FOR DELETE USING (%s)', protected, writable);
  END LOOP;
  -- Tables that know the provider only.
  FOREACH protected IN ARRAY ARRAY['provider_state', 'field_map', 'value_map', 'map_version', 'echo_count'] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE cmms.%I ENABLE ROW LEVEL SECURITY', protected);
    EXECUTE pg_catalog.format('CREATE POLICY tenant_read ON cmms.%I FOR SELECT USING '
      || '(provider_id = ANY (ARRAY(SELECT p.provider_id FROM cmms.provider p)))', protected);
  END LOOP;
END
$$;
ALTER TABLE cmms.tenant_access ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON cmms.tenant_access FOR SELECT USING (pg_catalog.pg_has_role(current_user, role_name, 'MEMBER'));

-- Views read with the rights of who asks. PostgreSQL 14 cannot: there each view becomes a filter over the full one.
DO $$
DECLARE
  name text;
  described record;
BEGIN
  FOREACH name IN ARRAY ARRAY['sync_health', 'backfill_progress', 'sync_history', 'work_order_overview', 'row_status', 'pending_approval', 'identity_proposal',
      'needs_attention', 'quota_usage'] LOOP
    IF pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN
      EXECUTE pg_catalog.format('ALTER VIEW cmms.%I SET (security_invoker = true)', name);
    ELSE
      EXECUTE pg_catalog.format('ALTER VIEW cmms.%I RENAME TO %I', name, 'all_' || name);
      EXECUTE pg_catalog.format('CREATE VIEW cmms.%I WITH (security_barrier = true) AS SELECT * FROM cmms.%I WHERE cmms.sees_tenant(tenant_id)',
                                name, 'all_' || name);
      EXECUTE pg_catalog.format('COMMENT ON VIEW cmms.%I IS %L', name,
                                pg_catalog.obj_description(('cmms.all_' || name)::pg_catalog.regclass, 'pg_class'));
      FOR described IN
        SELECT a.attname, pg_catalog.col_description(a.attrelid, a.attnum) AS comment
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = ('cmms.all_' || name)::pg_catalog.regclass AND a.attnum > 0
      LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN cmms.%I.%I IS %L', name, described.attname, described.comment);
      END LOOP;
    END IF;
  END LOOP;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA cmms FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA cmms FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cmms FROM PUBLIC;
-- A default is evaluated with the rights of the one who inserts, whoever gave them.
GRANT EXECUTE ON FUNCTION cmms.uuidv7() TO PUBLIC;

-- What a dump keeps: everything but the rows shipped with the extension and the run-time state.
DO $$
DECLARE
  kept record;
BEGIN
  FOR kept IN
    SELECT c.oid::pg_catalog.regclass AS name,
           EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'built_in') AS has_seed
    FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'cmms'::pg_catalog.regnamespace AND c.relkind IN ('r', 'S')
      AND c.relname NOT IN ('sync_state', 'error_class', 'mode', 'event_type', 'provider_state', 'echo_count')
    ORDER BY c.oid
  LOOP
    PERFORM pg_catalog.pg_extension_config_dump(kept.name, CASE WHEN kept.has_seed THEN 'WHERE NOT built_in' ELSE '' END);
  END LOOP;
END
$$;
