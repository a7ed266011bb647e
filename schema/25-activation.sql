-- Switching a provider on and off.

-- Only who owns the server (or is a superuser) may decide what is sent through it.
CREATE FUNCTION cmms.require_server_owner(provider_id text) RETURNS oid
  STABLE LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  server record;
BEGIN
  SELECT s.oid, s.srvowner INTO server
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
  WHERE s.srvname = require_server_owner.provider_id AND w.fdwname = 'cmms';
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'WO001', MESSAGE = format('provider "%s" does not exist', provider_id),
      HINT = 'A provider is a foreign server: CREATE SERVER ... FOREIGN DATA WRAPPER cmms.';
  END IF;
  IF NOT pg_has_role(cmms.calling_role(), server.srvowner, 'USAGE') THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('must be owner of foreign server %s', provider_id);
  END IF;
  RETURN server.oid;
END
$$;
COMMENT ON FUNCTION cmms.require_server_owner(text) IS
'OID of the provider''s foreign server, for its owner only. SQLSTATEs: WO001 no such server, 42501 not the owner.';

CREATE FUNCTION cmms.activate(provider_id text, mode text DEFAULT 'write_back', poll_interval interval DEFAULT '60 s',
                              import_since timestamptz DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  server oid := cmms.require_server_owner(activate.provider_id);
  tenant text := cmms.provider_tenant(activate.provider_id);
  descriptor jsonb;
  missing text[];
  problem text;
  stranded bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM cmms.mode m WHERE m.name = activate.mode) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('unknown mode "%s"', activate.mode),
      HINT = format('Valid modes are: %s.', (SELECT string_agg(m.name, ', ' ORDER BY m.name) FROM cmms.mode m));
  END IF;

  SELECT t.descriptor INTO descriptor
  FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) o, cmms.provider_type t
  WHERE s.oid = server AND o.option_name = 'type' AND t.provider_type = o.option_value;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'WO006', MESSAGE = format('provider "%s" has no known type', activate.provider_id),
      HINT = format('Valid types are: %s.', (SELECT string_agg(t.provider_type, ', ' ORDER BY t.provider_type) FROM cmms.provider_type t));
  END IF;
  IF jsonb_path_exists(descriptor, '$.credentials.*.required ? (@ == true)')
     AND NOT EXISTS (SELECT FROM pg_user_mapping u WHERE u.umserver = server) THEN
    RAISE EXCEPTION USING ERRCODE = 'WO006', MESSAGE = format('provider "%s" has no credentials', activate.provider_id),
      HINT = format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (...).', activate.provider_id);
  END IF;

  SELECT string_agg(format('%s: %s', c.credential, c.problem), '; ' ORDER BY c.credential) INTO problem
  FROM cmms.credential_status(activate.provider_id) c WHERE c.problem IS NOT NULL;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'WO006', MESSAGE = format('provider "%s" has credentials that cannot be used', activate.provider_id),
      DETAIL = problem, HINT = format('ALTER USER MAPPING FOR PUBLIC SERVER %I OPTIONS (...).', activate.provider_id);
  END IF;

  SELECT array_agg(f ORDER BY f) INTO missing FROM cmms.unmapped_required(activate.provider_id) f;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'WO003',
      MESSAGE = format('provider "%s" requires fields that are not mapped', activate.provider_id),
      DETAIL = format('Not mapped: %s.', array_to_string(missing, ', ')),
      HINT = 'Map them with cmms.set_field_mapping, then activate again.';
  END IF;

  IF EXISTS (SELECT FROM cmms.provider p WHERE p.provider_id = activate.provider_id AND p.tenant_id <> tenant)
     AND EXISTS (SELECT FROM cmms.work_order w WHERE w.provider_id = activate.provider_id AND w.tenant_id <> tenant) THEN
    RAISE EXCEPTION USING ERRCODE = 'WO006', MESSAGE = format('provider "%s" has work orders of another tenant', activate.provider_id),
      HINT = 'Set the server''s option "tenant" back, or make a new server for the new tenant.';
  END IF;

  INSERT INTO cmms.provider AS p (provider_id, tenant_id, mode, active, poll_interval, import_since, activated_at)
  VALUES (activate.provider_id, tenant, activate.mode, true, activate.poll_interval, activate.import_since, now())
  ON CONFLICT (provider_id) DO UPDATE
    SET tenant_id = excluded.tenant_id, mode = excluded.mode, active = true, poll_interval = excluded.poll_interval,
        import_since = coalesce(excluded.import_since, p.import_since), activated_at = now(), updated_at = now();
  INSERT INTO cmms.provider_state AS s (provider_id) VALUES (activate.provider_id)
  ON CONFLICT (provider_id) DO UPDATE SET circuit = 'closed', consecutive_failures = 0, next_attempt_at = NULL;
  INSERT INTO cmms.poll_cursor AS c (tenant_id, provider_id, resource, next_poll_at)
  SELECT tenant, activate.provider_id, r.resource, now() FROM cmms.pollable_resources(activate.provider_id) AS r(resource)
  ON CONFLICT (tenant_id, provider_id, resource) DO UPDATE SET next_poll_at = now();

  UPDATE cmms.outbox q SET next_attempt_at = now() WHERE q.provider_id = activate.provider_id AND q.state = 'pending';
  GET DIAGNOSTICS stranded = ROW_COUNT;
  IF stranded > 0 AND activate.mode = 'read' THEN
    RAISE WARNING USING MESSAGE = format('%s queued changes are not sent while provider "%s" is read only', stranded, activate.provider_id);
  END IF;

  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (tenant, 'activate', activate.provider_id,
          jsonb_build_object('mode', activate.mode, 'poll_interval', activate.poll_interval, 'import_since', activate.import_since),
          cmms.calling_role());
  IF EXISTS (SELECT FROM cmms.provider p WHERE p.provider_id = activate.provider_id AND p.paused_at IS NOT NULL) THEN
    RAISE NOTICE USING MESSAGE = format('provider "%s" stays paused', activate.provider_id),
      HINT = format('Nothing is sent or polled before cmms.resume_provider(%L).', activate.provider_id);
  END IF;
  IF NOT cmms.is_armed() THEN
    RAISE WARNING USING MESSAGE = 'this database is a copy that is not armed: nothing is sent or polled',
      HINT = 'Call cmms.arm() once its original does not send any more.';
  END IF;
  PERFORM cmms.wake_worker();
END
$$;
COMMENT ON FUNCTION cmms.activate(text, text, interval, timestamptz) IS
'Puts a provider to use; again to change how; a paused one stays paused. For the owner of the foreign server. provider_id: the server''s name. mode: read, draft, handoff or write_back. poll_interval: 1 second to 31 days. import_since: start of the first import (null: everything; at a repeated call: as before). SQLSTATEs: WO001 no such server, WO003 required fields not mapped (listed in the detail), WO006 type or credentials missing, 42501 not the owner, 22023 unknown mode, 23514 interval out of range.';

CREATE FUNCTION cmms.deactivate(provider_id text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant text;
BEGIN
  PERFORM cmms.require_server_owner(deactivate.provider_id);
  UPDATE cmms.provider p SET active = false, updated_at = now() WHERE p.provider_id = deactivate.provider_id
  RETURNING p.tenant_id INTO tenant;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'WO002', MESSAGE = format('provider "%s" was never activated', deactivate.provider_id);
  END IF;
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (tenant, 'deactivate', deactivate.provider_id, '{}', cmms.calling_role());
  PERFORM cmms.wake_worker();
END
$$;
COMMENT ON FUNCTION cmms.deactivate(text) IS
'Stops pushing to and polling of a provider, for the owner of the foreign server. Changes are still queued and leave after the next cmms.activate. A request already under way is finished. SQLSTATEs: WO001 no such server, WO002 never activated, 42501 not the owner.';

-- A new server of the same name may be another system: nothing that was meant for the old one is sent to it unasked.
CREATE FUNCTION cmms.server_dropped() RETURNS event_trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  WITH stopped AS (
    UPDATE cmms.provider p SET active = false, updated_at = now()
    FROM pg_event_trigger_dropped_objects() o
    WHERE o.object_type = 'server' AND p.provider_id = o.address_names[1] AND p.active
      AND NOT EXISTS (SELECT FROM pg_foreign_server s WHERE s.srvname = p.provider_id)
    RETURNING p.tenant_id, p.provider_id)
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  SELECT s.tenant_id, 'deactivate', s.provider_id, jsonb_build_object('because', tg_tag), cmms.calling_role() FROM stopped s;
END
$$;
COMMENT ON FUNCTION cmms.server_dropped() IS
'Event trigger of DROP SERVER and DROP OWNED: deactivates the provider, so that a new server of its name sends nothing before cmms.activate.';

CREATE EVENT TRIGGER cmms_server_dropped ON sql_drop WHEN TAG IN ('DROP SERVER', 'DROP OWNED')
  EXECUTE FUNCTION cmms.server_dropped();
COMMENT ON EVENT TRIGGER cmms_server_dropped IS 'Deactivates the provider whose server is dropped.';

-- Not cmms.pause and cmms.resume: cmms.resume('...') is said of orders, and a literal would be taken for a provider's name.
CREATE FUNCTION cmms.pause_provider(provider_id text, reason text DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant text;
BEGIN
  PERFORM cmms.require_server_owner(pause_provider.provider_id);
  -- Paused again it keeps its time; what is said last is the reason.
  UPDATE cmms.provider p
  SET paused_at = coalesce(p.paused_at, now()), paused_by = cmms.calling_role(),
      pause_reason = coalesce(pause_provider.reason, p.pause_reason), updated_at = now()
  WHERE p.provider_id = pause_provider.provider_id
  RETURNING p.tenant_id INTO tenant;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'WO002', MESSAGE = format('provider "%s" was never activated', pause_provider.provider_id),
      HINT = 'Nothing is sent to it before cmms.activate.';
  END IF;
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (tenant, 'pause', pause_provider.provider_id, jsonb_strip_nulls(jsonb_build_object('reason', pause_provider.reason)), cmms.calling_role());
  PERFORM cmms.wake_worker();
END
$$;
COMMENT ON FUNCTION cmms.pause_provider(text, text) IS
'Lets no request leave for a provider, push, look-up or poll, until cmms.resume_provider; for the owner of the foreign server. Changes are still queued, webhooks still taken in. A request under way is finished. It lasts over restarts and cmms.activate. reason: shown in cmms.sync_health. SQLSTATEs: WO001 no such server, WO002 never activated, 42501 not the owner.';

CREATE FUNCTION cmms.resume_provider(provider_id text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant text;
BEGIN
  PERFORM cmms.require_server_owner(resume_provider.provider_id);
  UPDATE cmms.provider p SET paused_at = NULL, paused_by = NULL, pause_reason = NULL, updated_at = now()
  WHERE p.provider_id = resume_provider.provider_id AND p.paused_at IS NOT NULL
  RETURNING p.tenant_id INTO tenant;
  IF FOUND THEN
    INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
    VALUES (tenant, 'resume', resume_provider.provider_id, '{}', cmms.calling_role());
    PERFORM cmms.wake_worker();
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.resume_provider(text) IS
'Ends what cmms.pause_provider began: what waits leaves now. Without effect on a provider that is not paused. For the owner of the foreign server. SQLSTATEs: WO001 no such server, 42501 not the owner.';
