-- Attention: what waits for a person, and the hand on the queue that settles it.

-- Only orders in doubt, of which there are few: nothing on the way of the others.
CREATE INDEX outbox_in_doubt_idx ON cmms.outbox (outbox_id) WHERE state = 'in_doubt';

CREATE VIEW cmms.needs_attention AS
SELECT q.tenant_id, q.provider_id, q.record_id AS common_work_order_id, w.identifier, w.title, 'in_doubt' AS reason,
       q.last_error AS detail, q.in_doubt_since AS since,
       pg_catalog.format('cmms.settle(%s, ''exists'', ''<id at the provider>'') or cmms.settle(%s, ''missing'')', q.outbox_id, q.outbox_id) AS action,
       q.outbox_id
FROM cmms.outbox q
LEFT JOIN cmms.work_order w ON w.tenant_id = q.tenant_id AND w.common_work_order_id = q.record_id
WHERE q.state = 'in_doubt' AND q.next_attempt_at = 'infinity'
UNION ALL
SELECT w.tenant_id, w.provider_id, w.common_work_order_id, w.identifier, w.title, 'rejected', w.last_error, NULL,
       pg_catalog.format('correct the order, cmms.retry(%L) or cmms.discard(%L, ''<reason>'')', w.common_work_order_id, w.common_work_order_id), NULL
FROM cmms.work_order w
WHERE w.last_error_class IS NOT NULL AND w.sync_state = 'rejected'
UNION ALL
SELECT q.tenant_id, q.provider_id, q.record_id, w.identifier, w.title, q.state, q.last_error, q.enqueued_at,
       CASE q.state WHEN 'held' THEN 'cmms.map_value, or correct the order'
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
WHERE k.resolved_at IS NULL;
COMMENT ON VIEW cmms.needs_attention IS 'What goes on only once a person has done something: one row for each, with what to call.';
COMMENT ON COLUMN cmms.needs_attention.tenant_id IS 'Tenant.';
COMMENT ON COLUMN cmms.needs_attention.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.needs_attention.common_work_order_id IS 'Our id of the order; null for a record that is not one yet.';
COMMENT ON COLUMN cmms.needs_attention.identifier IS 'Number that people use for it; of a held record its id at the provider, or the row''s key.';
COMMENT ON COLUMN cmms.needs_attention.title IS 'Short text; null where no order is here.';
COMMENT ON COLUMN cmms.needs_attention.reason IS 'in_doubt (the provider cannot be asked), rejected, held, awaiting_approval or conflict.';
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
  SELECT w.common_work_order_id INTO other FROM cmms.work_order w
  WHERE w.tenant_id = doubtful.tenant_id AND w.provider_id = doubtful.provider_id AND w.source_work_order_id = settle.source_record_id
    AND w.common_work_order_id <> doubtful.record_id;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation',
      MESSAGE = format('work order %s has id "%s" at provider "%s" already', other, settle.source_record_id, doubtful.provider_id),
      HINT = 'If it is the same work, keep that one: in one transaction settle this order as missing and delete it, so that nothing is sent.';
  END IF;

  IF doubtful.operation = 'delete' AND NOT exists_there OR exists_there AND doubtful.operation <> 'delete' AND NOT changed THEN
    DELETE FROM cmms.outbox q WHERE q.outbox_id = doubtful.outbox_id AND q.state = 'in_doubt';
    next_state := 'synchronized';
  ELSE
    UPDATE cmms.outbox q
    SET state = next_state, next_attempt_at = now(), attempts = 0, lookups = 0, in_doubt_since = NULL, claimed_at = NULL,
        claimed_change_seq = NULL, last_error = NULL, last_error_class = NULL, source_record_id = settle.source_record_id,
        operation = CASE WHEN exists_there AND q.operation = 'create' THEN 'update' ELSE q.operation END
    WHERE q.outbox_id = doubtful.outbox_id AND q.state = 'in_doubt';
  END IF;
  UPDATE cmms.work_order w
  SET source_work_order_id = coalesce(settle.source_record_id, w.source_work_order_id), sync_state = next_state,
      last_synced_at = CASE WHEN exists_there THEN now() ELSE w.last_synced_at END,
      last_error = NULL, last_error_class = NULL, last_error_detail = NULL
  WHERE w.tenant_id = doubtful.tenant_id AND w.common_work_order_id = doubtful.record_id;

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
