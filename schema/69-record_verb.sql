-- What a person does about single parts and assets: the hand on their place in the queue.

-- Locks the record and what waits of it, in that order, as every change does.
CREATE FUNCTION cmms.lock_queued_record(resource text, record_id uuid, OUT record jsonb, OUT waiting cmms.outbox)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF lock_queued_record.resource IS NULL OR lock_queued_record.resource NOT IN ('part', 'asset') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('unknown kind of record "%s"', coalesce(lock_queued_record.resource, 'null')), HINT = 'Valid kinds are: part, asset.';
  END IF;
  EXECUTE format('SELECT to_jsonb(w) FROM cmms.%I w WHERE w.%I = $1 AND cmms.has_tenant(w.tenant_id, ''write'') FOR NO KEY UPDATE',
                 lock_queued_record.resource, cmms.record_key(lock_queued_record.resource)) INTO record USING lock_queued_record.record_id;
  SELECT q.* INTO waiting FROM cmms.outbox q
  WHERE q.resource = lock_queued_record.resource AND q.record_id = lock_queued_record.record_id AND cmms.has_tenant(q.tenant_id, 'write')
  FOR UPDATE;
END
$$;
COMMENT ON FUNCTION cmms.lock_queued_record(text, uuid) IS 'A part or an asset with what waits of it in the outbox, both locked; null where there is none. Internal. SQLSTATE 22023: unknown kind of record.';

CREATE FUNCTION cmms.retry_record(resource text, record_id uuid) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  locked record;
BEGIN
  SELECT * INTO locked FROM cmms.lock_queued_record(retry_record.resource, retry_record.record_id);
  IF locked.record IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('%s %s does not exist', retry_record.resource, coalesce(retry_record.record_id::text, 'null'));
  ELSIF (locked.waiting).state = 'in_flight' THEN
    RETURN false;
  ELSIF (locked.waiting).outbox_id IS NOT NULL THEN
    UPDATE cmms.outbox q
    SET state = CASE q.state WHEN 'held' THEN 'pending' ELSE q.state END, next_attempt_at = now(),
        attempts = CASE WHEN q.state IN ('pending', 'held') THEN 0 ELSE q.attempts END
    WHERE q.outbox_id = (locked.waiting).outbox_id;
  ELSIF locked.record ->> 'sync_state' IN ('rejected', 'retrying', 'held') THEN
    PERFORM cmms.enqueue_records(retry_record.resource, NULL, ARRAY[locked.record]);
  ELSE
    RETURN false;
  END IF;
  IF (locked.waiting).state IS DISTINCT FROM 'in_doubt' THEN
    EXECUTE format('UPDATE cmms.%I w SET sync_state = q.state FROM cmms.outbox q WHERE w.%I = $1 AND q.tenant_id = w.tenant_id AND q.resource = $2'
                   || ' AND q.record_id = $1 AND q.state IN (''pending'', ''awaiting_approval'')', retry_record.resource,
                   cmms.record_key(retry_record.resource))
      USING retry_record.record_id, retry_record.resource;
  END IF;
  PERFORM cmms.wake_worker();
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.retry_record(text, uuid) IS
'Sends a part or an asset again now, whole and with a fresh count of attempts: one that was rejected or held, or that waits for its next attempt. Returns whether there was anything to do. SQLSTATEs: 22023 unknown kind of record, P0002 no such record or not the caller''s tenant, WO002 the provider''s mode forbids it.';

CREATE FUNCTION cmms.approve_record(resource text, record_id uuid) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  locked record;
BEGIN
  SELECT * INTO locked FROM cmms.lock_queued_record(approve_record.resource, approve_record.record_id);
  IF (locked.waiting).state IS DISTINCT FROM 'awaiting_approval' THEN
    RETURN false;
  END IF;
  UPDATE cmms.outbox q SET state = 'pending', next_attempt_at = now() WHERE q.outbox_id = (locked.waiting).outbox_id;
  PERFORM cmms.set_record_states(approve_record.resource, ARRAY[cmms.record_change(approve_record.resource, locked.record, '{}')], 'pending');
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES ((locked.waiting).tenant_id, 'approve', (locked.waiting).provider_id,
          jsonb_build_object('resource', approve_record.resource, 'record_id', approve_record.record_id, 'operation', (locked.waiting).operation),
          cmms.calling_role());
  PERFORM cmms.wake_worker();
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.approve_record(text, uuid) IS
'Mode draft: lets the waiting changes of one part or asset go to the provider. Returns whether any waited (false also for another tenant''s). SQLSTATE 22023: unknown kind of record.';

CREATE FUNCTION cmms.discard_record(resource text, record_id uuid, reason text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  locked record;
BEGIN
  PERFORM cmms.require_text(discard_record.reason, 'reason');
  SELECT * INTO locked FROM cmms.lock_queued_record(discard_record.resource, discard_record.record_id);
  IF (locked.waiting).state = 'in_flight' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_in_use', MESSAGE = format('a request for %s %s is under way', discard_record.resource, discard_record.record_id),
      HINT = 'Try again once it has ended.';
  ELSIF (locked.waiting).state = 'in_doubt' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('whether the provider has %s %s is unknown', discard_record.resource, discard_record.record_id),
      HINT = format('Settle that first: cmms.settle(%s, ''exists'', ''<id at the provider>'') or cmms.settle(%s, ''missing'').',
                    (locked.waiting).outbox_id, (locked.waiting).outbox_id);
  ELSIF (locked.waiting).outbox_id IS NULL AND (locked.record ->> 'sync_state' IS DISTINCT FROM 'rejected' OR locked.record ->> 'last_error_class' IS NULL) THEN
    RETURN false;
  END IF;
  DELETE FROM cmms.outbox q WHERE q.outbox_id = (locked.waiting).outbox_id;
  DELETE FROM cmms.held_record h
  WHERE h.tenant_id = (locked.waiting).tenant_id AND h.provider_id = (locked.waiting).provider_id AND h.resource = discard_record.resource
    AND h.direction = 'outbound' AND h.source_record_id = discard_record.record_id::text;
  EXECUTE format('UPDATE cmms.%I w SET sync_state = ''rejected'', last_error = $2, last_error_class = NULL, last_error_detail = NULL WHERE w.%I = $1',
                 discard_record.resource, cmms.record_key(discard_record.resource)) USING discard_record.record_id, discard_record.reason;
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (coalesce((locked.waiting).tenant_id, locked.record ->> 'tenant_id'), 'discard',
          coalesce((locked.waiting).provider_id, locked.record ->> 'provider_id'),
          jsonb_strip_nulls(jsonb_build_object('resource', discard_record.resource, 'record_id', discard_record.record_id,
            'operation', (locked.waiting).operation, 'changed', to_jsonb((locked.waiting).changed_fields), 'reason', discard_record.reason)),
          cmms.calling_role());
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.discard_record(text, uuid, text) IS
'Gives up what waits to be sent of one part or asset, in mode draft too, or that it was rejected. It keeps its local values, as rejected with this reason; the next change of it is sent again, and so does cmms.retry_record. Written to audit_log. Returns whether there was anything to give up. SQLSTATEs: 22023 no reason or unknown kind of record, 55006 a request is under way, 55000 in doubt: cmms.settle first.';
