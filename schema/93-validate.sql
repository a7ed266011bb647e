-- Acceptance: what must hold before a provider goes live, each point measured in this database.

-- The checks. Each function answers for one area, with the same columns; cmms.validate puts them together.
CREATE FUNCTION cmms.validate_access(provider_id text)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH credentials AS (SELECT c.* FROM cmms.credential_status(validate_access.provider_id) c),
  tenant AS (SELECT cmms.provider_tenant(validate_access.provider_id) AS id),
  orders AS (
    SELECT count(w.tenant_id) AS all_of_them, count(*) FILTER (WHERE w.tenant_id <> t.id) AS elsewhere
    FROM tenant t LEFT JOIN cmms.work_order w ON w.provider_id = validate_access.provider_id)
  SELECT 'deployment scope', 'server options', true,
         format('type %s at %s', cmms.provider_setting(validate_access.provider_id, 'type'),
                cmms.provider_setting(validate_access.provider_id, 'base_url')), NULL
  UNION ALL
  SELECT 'service identity', 'credentials', bool_and(c.problem IS NULL OR c.credential = 'webhook_secret'),
         coalesce(string_agg(coalesce(c.credential || ': ' || c.problem, c.credential || CASE WHEN c.is_file THEN ' from a file' ELSE ' given' END),
                             '; ' ORDER BY c.credential)
                    FILTER (WHERE c.credential <> 'webhook_secret' AND (c.is_given OR c.problem IS NOT NULL)), 'none given and none required'),
         'ALTER USER MAPPING FOR PUBLIC SERVER ... OPTIONS (...)'
  FROM credentials c
  UNION ALL
  SELECT 'read scope', 'tenant', o.elsewhere = 0,
         format('tenant %s; work orders: %s, of another tenant: %s', t.id, o.all_of_them, o.elsewhere),
         'Set the server''s option "tenant" back, or make a new server for the new tenant'
  FROM tenant t, orders o
$$;
COMMENT ON FUNCTION cmms.validate_access(text) IS
'Part of cmms.validate: server options, credentials and tenant of a provider.';

CREATE FUNCTION cmms.untranslated_values(provider_id text, vocabulary text, direction text) RETURNS SETOF text
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH started AS (  -- values that the provider sets by itself, when it is told nothing
    SELECT jsonb_array_elements_text(d.value) AS name
    FROM cmms.provider_type t, jsonb_each(coalesce(t.descriptor #> '{resources,work_order,provider_default}', '{}')) d
    WHERE t.provider_type = cmms.provider_setting(untranslated_values.provider_id, 'type') AND untranslated_values.vocabulary = 'status'),
  words AS (
    SELECT s.name, s.sort_order, NULL::text AS id FROM cmms.common_status s WHERE vocabulary = 'status' AND direction = 'outbound'
    UNION ALL
    SELECT p.name, p.sort_order, NULL FROM cmms.priority p WHERE vocabulary = 'priority' AND direction = 'outbound'
    UNION ALL
    SELECT v.value_name, 0, v.value_id FROM cmms.provider_value v
    WHERE v.provider_id = untranslated_values.provider_id AND v.vocabulary = untranslated_values.vocabulary AND direction = 'inbound')
  SELECT w.name FROM words w
  WHERE cmms.translated_value(provider_id, vocabulary, w.name, direction) IS NULL
    AND (w.id IS NULL OR cmms.translated_value(provider_id, vocabulary, w.id, direction) IS NULL)
    AND NOT (direction = 'outbound' AND w.name IN (SELECT s.name FROM started s))
  ORDER BY w.sort_order, w.name
$$;
COMMENT ON FUNCTION cmms.untranslated_values(text, text, text) IS
'Words of a vocabulary that no map of the provider translates: the hub''s for direction outbound, the provider''s that were learnt for direction inbound. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.validate_vocabulary(provider_id text, vocabulary text)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'data contract', format('%s words %s', vocabulary, m.way),
         CASE WHEN m.applies THEN NOT EXISTS (SELECT FROM cmms.untranslated_values(provider_id, vocabulary, m.direction)) END,
         CASE WHEN NOT m.applies THEN m.otherwise
              ELSE coalesce('not mapped: ' || (SELECT string_agg(v, ', ') FROM cmms.untranslated_values(provider_id, vocabulary, m.direction) v),
                            'all mapped') END,
         format('SELECT cmms.map_value(%L, %L, ''...'', ''...'', direction => %L)', provider_id, vocabulary, m.direction)
  FROM (VALUES
    ('inbound', 'of the provider',
     EXISTS (SELECT FROM cmms.provider_value v
             WHERE v.provider_id = validate_vocabulary.provider_id AND v.vocabulary = validate_vocabulary.vocabulary),
     'none learnt'),
    ('outbound', 'of the hub',
     EXISTS (SELECT FROM cmms.effective_field_map(validate_vocabulary.provider_id) f
             WHERE f.direction = 'outbound' AND f.transform ~ format('\mmap %s\M', validate_vocabulary.vocabulary)),
     'not sent')) AS m(direction, way, applies, otherwise)
$$;
COMMENT ON FUNCTION cmms.validate_vocabulary(text, text) IS
'Part of cmms.validate: whether a vocabulary of a provider is mapped both ways.';

CREATE FUNCTION cmms.validate_mapping(provider_id text)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'data contract', 'required fields', count(f) = 0, coalesce('not mapped: ' || string_agg(f, ', ' ORDER BY f), 'all mapped'),
         'Map them with cmms.set_field_mapping'
  FROM cmms.unmapped_required(validate_mapping.provider_id) f
  UNION ALL
  SELECT * FROM cmms.validate_vocabulary(validate_mapping.provider_id, 'status')
  UNION ALL
  SELECT * FROM cmms.validate_vocabulary(validate_mapping.provider_id, 'priority')
  UNION ALL
  SELECT 'data contract', 'values met', count(*) = 0,
         coalesce('not mapped: ' || string_agg(format('%s %s "%s"', u.direction, u.vocabulary, u.value), ', ' ORDER BY u.direction, u.vocabulary, u.value),
                  'no open value'),
         'Map them with cmms.map_value'
  FROM cmms.unmapped_value u WHERE u.provider_id = validate_mapping.provider_id
  UNION ALL
  SELECT 'data contract', 'held records', count(*) = 0, format('held: %s', count(*)),
         'See cmms.held_record; map what is missing, then cmms.reprocess_held'
  FROM cmms.held_record h WHERE h.provider_id = validate_mapping.provider_id
  UNION ALL
  SELECT 'data contract', 'references', count(*) = 0,
         coalesce('perhaps the same: ' || string_agg(format('%s %s', p.kind, array_to_string(p."references", ' = ')), ', ' ORDER BY p.kind, p.normal_form),
                  'none looks like another'),
         'See cmms.identity_proposal; cmms.merge_identity where they are the same'
  FROM cmms.identity_proposal p WHERE p.tenant_id = cmms.provider_tenant(validate_mapping.provider_id)
  UNION ALL
  SELECT 'data contract', 'attachments', CASE WHEN a.files > 0 THEN a.lost = 0 END,
         format('files of work orders: %s, by link: %s, without a work order: %s; type %s exchanges %s', a.files, a.linked, a.lost, t.provider_type,
                CASE WHEN t.descriptor #> '{resources,attachment}' IS NULL THEN 'none' ELSE 'them' END),
         'Look for them in cmms.attachment'
  FROM cmms.provider_type t, (
    SELECT count(*) FILTER (WHERE w.provider_id = validate_mapping.provider_id) AS files,
           count(f.url) FILTER (WHERE w.provider_id = validate_mapping.provider_id) AS linked, count(*) FILTER (WHERE w.tenant_id IS NULL) AS lost
    FROM cmms.attachment f LEFT JOIN cmms.work_order w USING (tenant_id, common_work_order_id)
    WHERE f.tenant_id = cmms.provider_tenant(validate_mapping.provider_id)) a
  WHERE t.provider_type = cmms.provider_setting(validate_mapping.provider_id, 'type')
$$;
COMMENT ON FUNCTION cmms.validate_mapping(text) IS
'Part of cmms.validate: required fields, vocabularies, values that were met without a mapping, held records, references, attachments.';

CREATE FUNCTION cmms.validate_lifecycle(provider_id text)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE reached AS (
    SELECT 'requested' AS name
    UNION
    SELECT t.to_status FROM reached r JOIN cmms.transition t ON t.from_status = r.name AND t.allowed),
  faults AS (
    SELECT s.name || ' cannot be reached' AS fault, s.sort_order FROM cmms.common_status s WHERE s.name NOT IN (SELECT r.name FROM reached r)
    UNION ALL
    SELECT s.name || ' cannot be left', s.sort_order FROM cmms.common_status s
    WHERE NOT s.is_final AND NOT EXISTS (SELECT FROM cmms.transition t WHERE t.from_status = s.name AND t.allowed))
  SELECT 'status updates', 'transitions', count(f.fault) = 0,
         coalesce(string_agg(f.fault, ', ' ORDER BY f.sort_order),
                  'every status can be reached, and left where it is not final'),
         'Add the moves to cmms.transition'
  FROM faults f
  UNION ALL
  SELECT 'status updates', 'local moves', CASE WHEN count(*) > 0 THEN count(*) FILTER (WHERE t.to_status IS NULL) = 0 END,
         format('made here: %s, not allowed by the transitions of now: %s', count(*), count(*) FILTER (WHERE t.to_status IS NULL)),
         'Compare cmms.status_history with cmms.transition'
  FROM cmms.work_order w
  JOIN cmms.status_history h ON h.tenant_id = w.tenant_id AND h.common_work_order_id = w.common_work_order_id
  LEFT JOIN cmms.transition t ON t.from_status = h.from_status AND t.to_status = h.to_status AND t.allowed
  WHERE w.provider_id = validate_lifecycle.provider_id AND h.cause = 'local' AND h.from_status IS NOT NULL
$$;
COMMENT ON FUNCTION cmms.validate_lifecycle(text) IS
'Part of cmms.validate: whether the transitions lead everywhere and out again, and whether local moves kept to them.';

CREATE FUNCTION cmms.validate_use(provider_id text)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'ownership rule', 'mode', coalesce(p.active AND p.paused_at IS NULL, false),
         CASE WHEN p.provider_id IS NULL THEN 'never activated'
              ELSE format('%s: %s%s', p.mode, m.description, CASE WHEN NOT p.active THEN '; not active' WHEN p.paused_at IS NOT NULL THEN '; paused' ELSE '' END) END,
         CASE WHEN p.active AND p.paused_at IS NOT NULL THEN format('SELECT cmms.resume_provider(%L)', validate_use.provider_id)
              ELSE format('SELECT cmms.activate(%L, mode => ''...'')', validate_use.provider_id) END
  FROM (SELECT) one LEFT JOIN cmms.provider p ON p.provider_id = validate_use.provider_id LEFT JOIN cmms.mode m ON m.name = p.mode
  UNION ALL
  SELECT 'ownership rule', 'conflicts', count(*) = 0, format('open: %s', count(*)), 'See cmms.conflict; decide with cmms.resolve'
  FROM cmms.conflict k WHERE k.provider_id = validate_use.provider_id AND k.resolved_at IS NULL
  UNION ALL
  SELECT 'ownership rule', 'echoes', CASE WHEN sum(e.suppressed + e.near_miss) > 0 THEN sum(e.near_miss) = 0 END,
         format('recognized: %s, near misses: %s', coalesce(sum(e.suppressed), 0), coalesce(sum(e.near_miss), 0)),
         'Compare both directions of the maps: what is sent does not come back as it was'
  FROM cmms.echo_count e WHERE e.provider_id = validate_use.provider_id
  UNION ALL
  SELECT 'audit', 'audit records', CASE WHEN p.provider_id IS NOT NULL THEN a.activations > 0 END,
         format('activations: %s, approvals: %s', a.activations, a.approvals), 'Activate again: the audit log has lost it'
  FROM (SELECT count(*) FILTER (WHERE l.action = 'activate') AS activations, count(*) FILTER (WHERE l.action = 'approve') AS approvals
        FROM cmms.audit_log l WHERE l.provider_id = validate_use.provider_id) a
  LEFT JOIN cmms.provider p ON p.provider_id = validate_use.provider_id
  UNION ALL
  SELECT 'deployment scope', 'sync worker', count(*) > 0, CASE WHEN count(*) > 0 THEN 'running' ELSE 'not running' END,
         'Set shared_preload_libraries to pg_cmms and restart the server'
  FROM pg_stat_activity s WHERE s.datname = current_database() AND s.backend_type = 'pg_cmms worker'
  UNION ALL
  SELECT 'error handling', 'circuit', CASE WHEN s.provider_id IS NOT NULL THEN s.circuit = 'closed' END,
         concat_ws('; ', coalesce(s.circuit, 'never used'), s.last_error), 'See cmms.sync_health'
  FROM (SELECT) one LEFT JOIN cmms.provider_state s ON s.provider_id = validate_use.provider_id
$$;
COMMENT ON FUNCTION cmms.validate_use(text) IS
'Part of cmms.validate: mode, conflicts, echoes, audit records, worker and circuit of a provider.';

CREATE FUNCTION cmms.validate_inflow(provider_id text)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH polled AS (SELECT r AS resource FROM cmms.pollable_resources(validate_inflow.provider_id) r),
  received AS (
    SELECT count(*) AS events, count(*) FILTER (WHERE e.outcome IN ('applied', 'unchanged', 'stale', 'ignored', 'duplicate', 'held')) AS understood
    FROM cmms.webhook_event e WHERE e.provider_id = validate_inflow.provider_id),
  scheme AS (
    SELECT coalesce(cmms.provider_setting(validate_inflow.provider_id, 'webhook_scheme'),
                    CASE WHEN c.is_given THEN 'standard_webhooks' ELSE 'none' END) AS name, c.problem
    FROM cmms.credential_status(validate_inflow.provider_id) c WHERE c.credential = 'webhook_secret')
  SELECT 'read scope', 'way in', EXISTS (SELECT FROM polled) OR r.events > 0,
         concat_ws('; ', (SELECT 'polled: ' || string_agg(p.resource, ', ') || coalesce(' every ' || max(v.poll_interval)::text, '')
                          FROM polled p LEFT JOIN cmms.provider v ON v.provider_id = validate_inflow.provider_id HAVING count(*) > 0),
                   format('webhooks received: %s, understood: %s', r.events, r.understood)),
         'Set the server options that polling needs, or have the provider send webhooks'
  FROM received r
  UNION ALL
  SELECT 'read scope', 'last poll',
         CASE WHEN p.resource IS NULL OR v.active IS NOT TRUE THEN NULL
              ELSE c.last_error IS NULL AND c.last_complete_at > now() - greatest(3 * v.poll_interval, interval '5 min') END,
         CASE WHEN p.resource IS NULL THEN 'not polled'
              ELSE coalesce(c.last_error, 'complete at ' || c.last_complete_at, 'none is complete') END,
         format('SELECT cmms.poll_now(%L)', validate_inflow.provider_id)
  FROM (SELECT) one LEFT JOIN polled p ON true
  LEFT JOIN cmms.provider v ON v.provider_id = validate_inflow.provider_id
  LEFT JOIN cmms.poll_cursor c ON c.provider_id = v.provider_id AND c.tenant_id = v.tenant_id AND c.resource = p.resource
  UNION ALL
  SELECT 'service identity', 'webhook signatures',
         CASE WHEN s.problem IS NOT NULL THEN false WHEN s.name <> 'none' THEN true WHEN r.events > 0 THEN false END,
         coalesce(s.problem, CASE s.name WHEN 'none' THEN 'webhooks are not signed' ELSE 'scheme ' || s.name END),
         'Give the user mapping a webhook_secret and the server its webhook_scheme'
  FROM scheme s, received r
$$;
COMMENT ON FUNCTION cmms.validate_inflow(text) IS
'Part of cmms.validate: polls, webhooks and their signatures.';

CREATE FUNCTION cmms.validate_outflow(provider_id text)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH log AS (
    SELECT max(l.logged_at) FILTER (WHERE l.direction = 'push' AND l.outcome = 'synchronized') AS pushed_at,
           count(*) FILTER (WHERE l.outcome = 'retrying') AS retries
    FROM cmms.sync_log l WHERE l.provider_id = validate_outflow.provider_id),
  failed AS (
    SELECT count(*) AS orders,
           count(*) FILTER (WHERE NOT EXISTS (SELECT FROM cmms.sync_log l WHERE l.tenant_id = w.tenant_id AND l.record_id = w.common_work_order_id
                                                AND l.error IS NOT NULL)) AS unseen
    FROM cmms.work_order w WHERE w.provider_id = validate_outflow.provider_id AND w.sync_state IN ('rejected', 'retrying')),
  classes AS (
    SELECT string_agg(c.name, ', ' ORDER BY c.place) FILTER (WHERE c.is_seen) AS seen,
           string_agg(c.name, ', ' ORDER BY c.place) FILTER (WHERE NOT c.is_seen) AS unseen
    FROM (SELECT k.name, k.place,
                 CASE k.name WHEN 'retry' THEN (SELECT g.retries > 0 FROM log g)
                             ELSE EXISTS (SELECT FROM cmms.sync_log l WHERE l.provider_id = validate_outflow.provider_id AND l.error_class = k.name) END AS is_seen
          FROM unnest(ARRAY['authentication', 'authorization', 'validation', 'conflict', 'retry']) WITH ORDINALITY AS k(name, place)) c)
  SELECT 'write-back', 'last push', CASE WHEN p.mode = 'read' THEN NULL ELSE g.pushed_at IS NOT NULL END,
         CASE WHEN p.mode = 'read' THEN 'read only' ELSE coalesce('acknowledged at ' || g.pushed_at, 'none was acknowledged') END,
         'Change an order and look at cmms.sync_history'
  FROM log g LEFT JOIN cmms.provider p ON p.provider_id = validate_outflow.provider_id
  UNION ALL
  SELECT 'failed writes', 'visible in sync history', f.unseen = 0, format('failed orders: %s, without an entry: %s', f.orders, f.unseen),
         'Keep the partitions of cmms.sync_log as long as their orders are open'
  FROM failed f
  UNION ALL
  SELECT 'test environment', 'failures rehearsed', CASE WHEN c.unseen IS NULL THEN true END,
         concat_ws('; ', 'seen: ' || c.seen, 'not seen: ' || c.unseen), 'Provoke them at a test system of the provider'
  FROM classes c
$$;
COMMENT ON FUNCTION cmms.validate_outflow(text) IS
'Part of cmms.validate: pushes, failed writes, and which kinds of failure were met so far.';

CREATE FUNCTION cmms.validate_connection(provider_id text, probe boolean)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  test record;
BEGIN
  area := 'test environment';
  check_name := 'connection';
  action := format('SELECT * FROM cmms.test_connection(%L)', provider_id);
  IF probe THEN
    SELECT t.* INTO test FROM cmms.test_connection(validate_connection.provider_id) t;
    ok := test.reachable AND coalesce(test.authenticated, false);
    detail := concat_ws('; ', CASE WHEN test.reachable THEN 'reachable' ELSE 'not reachable' END,
                        'permissions: ' || nullif(array_to_string(test.permissions, ', '), ''), nullif(test.detail, ''));
  ELSE
    SELECT s.last_success_at IS NOT NULL OR NULL, coalesce('last success at ' || s.last_success_at, 'not tested') INTO ok, detail
    FROM (SELECT) one LEFT JOIN cmms.provider_state s ON s.provider_id = validate_connection.provider_id;
  END IF;
  RETURN NEXT;
EXCEPTION WHEN SQLSTATE 'WO006' THEN
  ok := false;
  detail := SQLERRM;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION cmms.validate_connection(text, boolean) IS
'Part of cmms.validate: the last success of any request or, with probe, a test of the connection now.';

CREATE FUNCTION cmms.validate(provider_id text, probe boolean DEFAULT false)
  RETURNS TABLE (area text, check_name text, ok boolean, detail text, action text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 25 AS $$
#variable_conflict use_column
DECLARE
  hint text;
BEGIN
  PERFORM cmms.require_server_owner(validate.provider_id);
  BEGIN
    PERFORM FROM cmms.provider_setting(validate.provider_id, 'type');
  EXCEPTION WHEN SQLSTATE 'WO006' THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN QUERY SELECT 'deployment scope', 'server options', false, SQLERRM, nullif(hint, '');
    RETURN;
  END;
  RETURN QUERY
    SELECT c.area, c.check_name, c.ok, cmms.masked_text(validate.provider_id, c.detail), CASE WHEN c.ok IS FALSE THEN c.action END
    FROM (SELECT 1 AS part, a.* FROM cmms.validate_access(validate.provider_id) a
          UNION ALL SELECT 2, a.* FROM cmms.validate_connection(validate.provider_id, validate.probe) a
          UNION ALL SELECT 3, a.* FROM cmms.validate_mapping(validate.provider_id) a
          UNION ALL SELECT 4, a.* FROM cmms.validate_lifecycle(validate.provider_id) a
          UNION ALL SELECT 5, a.* FROM cmms.validate_use(validate.provider_id) a
          UNION ALL SELECT 6, a.* FROM cmms.validate_inflow(validate.provider_id) a
          UNION ALL SELECT 7, a.* FROM cmms.validate_outflow(validate.provider_id) a) c
    ORDER BY c.part;
END
$$;
COMMENT ON FUNCTION cmms.validate(text, boolean) IS
'The acceptance checklist of a provider, a row for each point, measured in this database: area, check_name, ok (null: not applicable, or not known yet), detail, and the action that mends it. probe: tests the connection now; otherwise nothing is sent. For the owner of the foreign server. SQLSTATEs: WO001 no such server, 42501 not the owner.';
