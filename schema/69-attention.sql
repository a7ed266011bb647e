-- Attention: what waits for a person, and the hand on the queue that settles it.

-- Only orders in doubt, of which there are few: nothing on the way of the others.
CREATE INDEX outbox_in_doubt_idx ON cmms.outbox (outbox_id) WHERE state = 'in_doubt';

CREATE VIEW cmms.needs_attention AS
SELECT q.tenant_id, q.provider_id, q.record_id AS common_work_order_id, coalesce(w.identifier, p.identifier) AS identifier,
       coalesce(w.title, p.name) AS title, CASE WHEN q.accepted_at IS NULL THEN 'in_doubt' ELSE 'accepted' END AS reason,
       coalesce(q.last_error, 'the provider took the order a day ago and has not shown it since') AS detail, q.in_doubt_since AS since,
       pg_catalog.format('cmms.settle(%s, ''exists'', ''<id at the provider>'') or cmms.settle(%s, ''missing'')', q.outbox_id, q.outbox_id) AS action,
       q.outbox_id
FROM cmms.outbox q
LEFT JOIN cmms.work_order w ON w.tenant_id = q.tenant_id AND w.common_work_order_id = q.record_id
LEFT JOIN cmms.part p ON p.tenant_id = q.tenant_id AND p.part_id = q.record_id AND q.resource = 'part'
WHERE q.state = 'in_doubt'
  AND CASE WHEN q.accepted_at IS NULL THEN q.next_attempt_at = 'infinity' ELSE q.accepted_at < pg_catalog.now() - interval '1 day' END
UNION ALL
SELECT w.tenant_id, w.provider_id, w.common_work_order_id, w.identifier, w.title, 'rejected', w.last_error, NULL,
       pg_catalog.format('correct the order, cmms.retry(%L) or cmms.discard(%L, ''<reason>'')', w.common_work_order_id, w.common_work_order_id), NULL
FROM cmms.work_order w
WHERE w.last_error_class IS NOT NULL AND w.sync_state = 'rejected'
UNION ALL
SELECT q.tenant_id, q.provider_id, q.record_id, w.identifier, w.title, q.state, q.last_error, q.enqueued_at,
       CASE WHEN q.resource <> 'work_order' AND q.state = 'held' THEN 'cmms.map_value, or correct the record'
            WHEN q.resource <> 'work_order' THEN pg_catalog.format('cmms.approve_record(%L, %L) or cmms.discard_record(%L, %L, ''<reason>'')',
                                                                   q.resource, q.record_id, q.resource, q.record_id)
            WHEN q.state = 'held' THEN 'cmms.map_value, or correct the order'
            ELSE pg_catalog.format('cmms.approve(%L) or cmms.reject(%L, ''<reason>'')', q.record_id, q.record_id) END, q.outbox_id
FROM cmms.outbox q
LEFT JOIN cmms.work_order w ON w.tenant_id = q.tenant_id AND w.common_work_order_id = q.record_id
WHERE q.state IN ('held', 'awaiting_approval')
UNION ALL
SELECT h.tenant_id, h.provider_id, NULL, h.source_record_id, NULL, 'held', h.reason, h.held_at, 'cmms.map_value, or correct the record', NULL
FROM cmms.held_record h
WHERE h.direction <> 'outbound'
UNION ALL
SELECT k.tenant_id, k.provider_id, k.record_id, w.identifier, w.title, 'conflict',
       pg_catalog.format('%s: %s here, %s at the provider', k.field, coalesce(k.hub_value, 'null'), coalesce(k.provider_value, 'null')), k.detected_at,
       pg_catalog.format('cmms.resolve(%L, %s, ''hub'') or cmms.resolve(%L, %s, ''provider'')', k.tenant_id, k.conflict_id, k.tenant_id, k.conflict_id), NULL
FROM cmms.conflict k
LEFT JOIN cmms.work_order w ON w.tenant_id = k.tenant_id AND w.common_work_order_id = k.record_id
WHERE k.resolved_at IS NULL
UNION ALL
SELECT r.tenant_id, r.provider_id, r.record_id, r.identifier, r.name, 'rejected', r.last_error, NULL,
       pg_catalog.format('correct the %s, cmms.retry_record(%L, %L) or cmms.discard_record(%L, %L, ''<reason>'')', r.resource, r.resource, r.record_id,
                         r.resource, r.record_id), NULL
FROM (SELECT 'part' AS resource, p.tenant_id, p.provider_id, p.part_id AS record_id, p.identifier, p.name, p.last_error
      FROM cmms.part p WHERE p.last_error_class IS NOT NULL AND p.sync_state = 'rejected'
      UNION ALL
      SELECT 'asset', a.tenant_id, a.provider_id, a.asset_id, a.identifier, a.name, a.last_error
      FROM cmms.asset a WHERE a.last_error_class IS NOT NULL AND a.sync_state = 'rejected') r;
COMMENT ON VIEW cmms.needs_attention IS 'What goes on only once a person has done something: one row for each, with what to call.';
COMMENT ON COLUMN cmms.needs_attention.tenant_id IS 'Tenant.';
COMMENT ON COLUMN cmms.needs_attention.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.needs_attention.common_work_order_id IS 'Our id of the order, part or asset; null for a record that is not one yet.';
COMMENT ON COLUMN cmms.needs_attention.identifier IS 'Number that people use for it; of a held record its id at the provider, or the row''s key.';
COMMENT ON COLUMN cmms.needs_attention.title IS 'Short text; null where no order is here.';
COMMENT ON COLUMN cmms.needs_attention.reason IS 'in_doubt (the provider cannot be asked), accepted (a day ago, and not seen since), rejected, held, awaiting_approval or conflict.';
COMMENT ON COLUMN cmms.needs_attention.detail IS 'What is wrong.';
COMMENT ON COLUMN cmms.needs_attention.since IS 'Since when it waits; null for rejected orders, see cmms.sync_history.';
COMMENT ON COLUMN cmms.needs_attention.action IS 'What to call.';
COMMENT ON COLUMN cmms.needs_attention.outbox_id IS 'Number of the row in cmms.outbox, as cmms.settle takes it; null where none waits.';

CREATE FUNCTION cmms.lock_in_doubt(outbox_id bigint) RETURNS cmms.outbox
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  doubtful cmms.outbox;
BEGIN
  -- First the order, then the outbox: as every change does.
  PERFORM FROM cmms.work_order w JOIN cmms.outbox q ON q.tenant_id = w.tenant_id AND q.record_id = w.common_work_order_id
  WHERE q.outbox_id = lock_in_doubt.outbox_id AND q.state = 'in_doubt' FOR NO KEY UPDATE OF w;
  SELECT q.* INTO doubtful FROM cmms.outbox q
  WHERE q.outbox_id = lock_in_doubt.outbox_id AND q.state = 'in_doubt' AND cmms.has_tenant(q.tenant_id, 'write') FOR UPDATE;
  IF FOUND THEN
    RETURN doubtful;
  END IF;
  SELECT q.* INTO doubtful FROM cmms.outbox q WHERE q.outbox_id = lock_in_doubt.outbox_id AND cmms.has_tenant(q.tenant_id, 'write');
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('nothing waits under number %s', coalesce(lock_in_doubt.outbox_id::text, 'null')),
      HINT = 'The view cmms.needs_attention lists what waits for a person, with its outbox_id.';
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('row %s of the outbox is not in doubt', lock_in_doubt.outbox_id), DETAIL = format('It is %s.', doubtful.state),
    HINT = 'Only an order whose creation had no answer is settled by a person. While it is in_flight, a look-up may be under way: try again.';
END
$$;
COMMENT ON FUNCTION cmms.lock_in_doubt(bigint) IS 'Row of the outbox that is in doubt, locked. Internal: for cmms.settle. SQLSTATEs: P0002 no such row, or another tenant''s; 55000 not in doubt.';

CREATE FUNCTION cmms.settle(outbox_id bigint, outcome text, source_record_id text DEFAULT NULL, note text DEFAULT NULL) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  doubtful cmms.outbox := cmms.lock_in_doubt(settle.outbox_id);
  work_order cmms.work_order;
  exists_there constant boolean := settle.outcome = 'exists';
  -- What changed since the attempt was seen by nobody; what the attempt carried was approved once.
  changed constant boolean := doubtful.change_seq IS DISTINCT FROM doubtful.claimed_change_seq;
  next_state text := CASE WHEN changed THEN cmms.unsent_state(doubtful.provider_id) ELSE 'pending' END;
  record_key constant text := cmms.record_key(doubtful.resource);
  source_key constant text := cmms.source_key(doubtful.resource);
  other uuid;
BEGIN
  IF settle.outcome IS NULL OR settle.outcome NOT IN ('exists', 'missing') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('unknown outcome "%s"', coalesce(settle.outcome, 'null')),
      HINT = 'Valid outcomes are: exists, missing.';
  ELSIF exists_there <> (coalesce(btrim(settle.source_record_id), '') <> '') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = CASE WHEN exists_there THEN 'outcome "exists" needs the id at the provider' ELSE 'outcome "missing" takes no id' END,
      HINT = 'cmms.settle(outbox_id, ''exists'', ''<id at the provider>'') or cmms.settle(outbox_id, ''missing'').';
  END IF;
  EXECUTE format('SELECT w.%2$I FROM cmms.%1$I w WHERE w.tenant_id = $1 AND w.provider_id = $2 AND w.%3$I = $3 AND w.%2$I <> $4',
                 doubtful.resource, record_key, source_key)
    INTO other USING doubtful.tenant_id, doubtful.provider_id, settle.source_record_id, doubtful.record_id;
  IF other IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation',
      MESSAGE = format(replace(doubtful.resource, '_', ' ') || ' %s has id "%s" at provider "%s" already', other, settle.source_record_id, doubtful.provider_id),
      HINT = 'If it is the same work, keep that one: in one transaction settle this order as missing and delete it, so that nothing is sent.';
  END IF;

  IF doubtful.operation = 'delete' AND NOT exists_there OR exists_there AND doubtful.operation <> 'delete' AND NOT changed THEN
    DELETE FROM cmms.outbox q WHERE q.outbox_id = doubtful.outbox_id AND q.state = 'in_doubt';
    next_state := 'synchronized';
  ELSE
    UPDATE cmms.outbox q
    SET state = next_state, next_attempt_at = now(), attempts = 0, lookups = 0, in_doubt_since = NULL, claimed_at = NULL,
        accepted_at = NULL, claimed_change_seq = NULL, last_error = NULL, last_error_class = NULL, source_record_id = settle.source_record_id,
        operation = CASE WHEN exists_there AND q.operation = 'create' THEN 'update' ELSE q.operation END
    WHERE q.outbox_id = doubtful.outbox_id AND q.state = 'in_doubt';
  END IF;
  EXECUTE format('UPDATE cmms.%1$I w SET %3$I = coalesce($3, w.%3$I), sync_state = $4, last_synced_at = CASE WHEN $5 THEN now() ELSE w.last_synced_at END,'
                 || ' last_error = NULL, last_error_class = NULL, last_error_detail = NULL WHERE w.tenant_id = $1 AND w.%2$I = $2',
                 doubtful.resource, record_key, source_key)
    USING doubtful.tenant_id, doubtful.record_id, settle.source_record_id, next_state, exists_there;

  work_order.tenant_id := doubtful.tenant_id;
  work_order.provider_id := doubtful.provider_id;
  work_order.common_work_order_id := doubtful.record_id;
  PERFORM cmms.add_event(work_order, 'sync.settled', jsonb_strip_nulls(jsonb_build_object(
    'cause', 'local', 'outcome', settle.outcome, 'source_work_order_id', settle.source_record_id, 'note', settle.note)));
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (doubtful.tenant_id, 'settle', doubtful.provider_id,
          jsonb_strip_nulls(jsonb_build_object('common_work_order_id', doubtful.record_id, 'outcome', settle.outcome,
            'source_work_order_id', settle.source_record_id, 'note', settle.note)), cmms.calling_role());
  PERFORM cmms.wake_worker();
  RETURN next_state;
END
$$;
COMMENT ON FUNCTION cmms.settle(bigint, text, text, text) IS
'A person says what became of an order in doubt. outbox_id: as in cmms.needs_attention. outcome: exists (the provider has it, as source_record_id: nothing is sent again, changes made since then leave as an update) or missing (it is created anew). Written to audit_log, with an event sync.settled. Returns the order''s sync_state. SQLSTATEs: P0002 no such row, or another tenant''s; 55000 not in doubt; 22023 unknown outcome, or an id missing or too many; 23505 another order has this id.';

CREATE FUNCTION cmms.retry_all(provider_id text, since timestamptz DEFAULT NULL, error_class text DEFAULT NULL) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant constant text := cmms.provider_tenant(retry_all.provider_id);
  failed uuid[];
  again bigint;
BEGIN
  IF NOT cmms.has_tenant(tenant, 'write') THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied for work orders of provider "%s"', retry_all.provider_id),
      HINT = format('cmms.grant_access(role_name, %L) gives it.', tenant);
  ELSIF retry_all.error_class IS NOT NULL AND NOT EXISTS (SELECT FROM cmms.error_class c WHERE c.name = retry_all.error_class) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('unknown error class "%s"', retry_all.error_class),
      HINT = format('Valid error classes are: %s.', (SELECT string_agg(c.name, ', ' ORDER BY c.name) FROM cmms.error_class c));
  END IF;
  -- What a handoff provider has by now is its own: it is left out, and does not stop the others.
  SELECT array_agg(f.record_id) INTO failed
  FROM (SELECT w.common_work_order_id AS record_id FROM cmms.work_order w
        WHERE w.tenant_id = tenant AND w.provider_id = retry_all.provider_id AND w.last_error_class IS NOT NULL
          AND w.sync_state IN ('rejected', 'retrying', 'held', 'in_doubt')
          AND (retry_all.error_class IS NULL OR w.last_error_class = retry_all.error_class)
          AND (retry_all.since IS NULL
               OR EXISTS (SELECT FROM cmms.sync_log l
                          WHERE l.tenant_id = w.tenant_id AND l.record_id = w.common_work_order_id AND l.logged_at >= retry_all.since
                            AND l.outcome IN ('rejected', 'retrying', 'held', 'in_doubt')))
          AND (w.source_work_order_id IS NULL
               OR NOT EXISTS (SELECT FROM cmms.provider p WHERE p.provider_id = w.provider_id AND p.mode = 'handoff'))
        ORDER BY w.common_work_order_id FOR NO KEY UPDATE) f;
  again := CASE WHEN failed IS NULL THEN 0 ELSE cmms.retry_orders(tenant, failed) END;
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (tenant, 'retry_all', retry_all.provider_id,
          jsonb_strip_nulls(jsonb_build_object('since', retry_all.since, 'error_class', retry_all.error_class, 'orders', again)),
          cmms.calling_role());
  RETURN again;
END
$$;
COMMENT ON FUNCTION cmms.retry_all(text, timestamptz, text) IS
'Sends all failed orders of a provider again, as cmms.retry does for one, with one statement for all. since: only those with a failed attempt since then (as cmms.sync_log knows); error_class: only those whose last failure is of this class. What a person refused (cmms.reject, cmms.discard) stays as it is. Written to audit_log. Returns how many. SQLSTATEs: WO001 no such provider, 42501 not the caller''s tenant, 22023 unknown class, WO002 the provider is read only.';

CREATE FUNCTION cmms.discard(common_work_order_id uuid, reason text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  work_order cmms.work_order;
  waiting cmms.outbox;
  has_waiting boolean;
BEGIN
  PERFORM cmms.require_text(reason, 'reason');
  SELECT w.* INTO work_order FROM cmms.work_order w
  WHERE w.common_work_order_id = discard.common_work_order_id AND cmms.has_tenant(w.tenant_id, 'write') FOR NO KEY UPDATE;
  SELECT q.* INTO waiting FROM cmms.outbox q
  WHERE q.resource = 'work_order' AND q.record_id = discard.common_work_order_id AND cmms.has_tenant(q.tenant_id, 'write') FOR UPDATE;
  has_waiting := FOUND;
  IF NOT has_waiting AND (work_order.tenant_id IS NULL OR work_order.sync_state <> 'rejected' OR work_order.last_error_class IS NULL) THEN
    RETURN false;
  ELSIF waiting.state = 'in_flight' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_in_use', MESSAGE = format('a request for work order %s is under way', common_work_order_id),
      HINT = 'Try again once it has ended.';
  ELSIF waiting.state = 'in_doubt' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('whether the provider has work order %s is unknown', common_work_order_id),
      HINT = format('Settle that first: cmms.settle(%s, ''exists'', ''<id at the provider>'') or cmms.settle(%s, ''missing'').',
                    waiting.outbox_id, waiting.outbox_id);
  END IF;

  DELETE FROM cmms.outbox q
  WHERE q.tenant_id = waiting.tenant_id AND q.resource = 'work_order' AND q.record_id = waiting.record_id;
  DELETE FROM cmms.held_record h
  WHERE h.tenant_id = waiting.tenant_id AND h.provider_id = waiting.provider_id AND h.resource = 'work_order'
    AND h.direction = 'outbound' AND h.source_record_id = waiting.record_id::text;
  UPDATE cmms.work_order w
  SET sync_state = 'rejected', last_error = discard.reason, last_error_class = NULL, last_error_detail = NULL
  WHERE w.tenant_id = work_order.tenant_id AND w.common_work_order_id = work_order.common_work_order_id;

  work_order.tenant_id := coalesce(work_order.tenant_id, waiting.tenant_id);
  work_order.provider_id := coalesce(work_order.provider_id, waiting.provider_id);
  work_order.common_work_order_id := discard.common_work_order_id;
  PERFORM cmms.add_event(work_order, 'sync.failed', jsonb_strip_nulls(jsonb_build_object(
    'cause', 'local', 'operation', waiting.operation, 'reason', discard.reason)));
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (work_order.tenant_id, 'discard', work_order.provider_id,
          jsonb_strip_nulls(jsonb_build_object('common_work_order_id', discard.common_work_order_id, 'operation', waiting.operation,
            'source_work_order_id', coalesce(waiting.source_record_id, work_order.source_work_order_id),
            'changed', to_jsonb(waiting.changed_fields), 'reason', discard.reason)), cmms.calling_role());
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.discard(uuid, text) IS
'Gives up what waits to be sent of one order, or that it was rejected: it leaves the queue and needs no attention any more. The order keeps its local values, as rejected with this reason; the next change of it is sent again, and so does cmms.retry. A waiting deletion is not sent. Written to audit_log, with an event sync.failed. Returns whether there was anything to give up (false also for another tenant''s order). SQLSTATEs: 22023 no reason, 55006 a request is under way, 55000 in doubt: cmms.settle first.';
