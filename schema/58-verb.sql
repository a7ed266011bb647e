-- Verbs: what planners do with an order, as functions. All with the caller's own rights, by ordinary updates: each step leaves
-- its row of status history, and the outbox merges them into what the provider is told.

CREATE FUNCTION cmms.lock_work_order(common_work_order_id uuid) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  work_order cmms.work_order;
BEGIN
  SELECT w.* INTO work_order FROM cmms.work_order w
  WHERE w.common_work_order_id = lock_work_order.common_work_order_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('work order %s does not exist', coalesce(common_work_order_id::text, 'null')),
      HINT = 'Or the calling role may not write the records of its tenant.';
  END IF;
  RETURN work_order;
END
$$;
COMMENT ON FUNCTION cmms.lock_work_order(uuid) IS 'An order that is about to be changed, locked. SQLSTATEs: P0002 no such order, or not the caller''s to write; 42501 no right to change orders at all.';

CREATE FUNCTION cmms.set_status(common_work_order_id uuid, to_status text) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  work_order cmms.work_order := cmms.lock_work_order(common_work_order_id);
  said constant text[] := work_order.source_allowed_statuses;
  -- Without a path the update tells why.
  path constant text[] := coalesce(cmms.status_path(work_order.common_status, to_status), ARRAY[to_status]);
BEGIN
  -- The provider is told the last status only: what it allows is asked of that one.
  FOR step IN 1 .. cardinality(path) LOOP
    UPDATE cmms.work_order w
    SET common_status = path[step], source_allowed_statuses = CASE WHEN step = cardinality(path) THEN said END
    WHERE w.tenant_id = work_order.tenant_id AND w.common_work_order_id = set_status.common_work_order_id
    RETURNING w.* INTO work_order;
  END LOOP;
  RETURN work_order;
END
$$;
COMMENT ON FUNCTION cmms.set_status(uuid, text) IS
'Gives an order a status, over the steps of cmms.status_path if it is several off, each with its row of status history. Returns the order. SQLSTATEs: WO004 no way, or the provider does not allow the status now; WO002 the provider''s mode forbids it; P0002 no such order.';

CREATE FUNCTION cmms.require_text(value text, name text) RETURNS text
  IMMUTABLE LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF coalesce(btrim(value), '') = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('%s must not be empty', name);
  END IF;
  RETURN value;
END
$$;
COMMENT ON FUNCTION cmms.require_text(text, text) IS 'The value of the argument called name. SQLSTATE 22023: it is null or blank.';

CREATE FUNCTION cmms.assign(common_work_order_id uuid, assignees text[]) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  work_order cmms.work_order := cmms.lock_work_order(common_work_order_id);
BEGIN
  IF coalesce(cardinality(assignees), 0) = 0 OR EXISTS (SELECT FROM unnest(assignees) a WHERE coalesce(btrim(a), '') = '') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'assignees must be names, at least one',
      HINT = 'To take an order from its assignees, set assignees to null and common_status to approved.';
  ELSIF work_order.common_status IN (SELECT s.name FROM cmms.common_status s WHERE s.is_final OR s.name = 'completed') THEN
    RAISE EXCEPTION USING ERRCODE = 'WO004', MESSAGE = format('work order %s is %s', common_work_order_id, work_order.common_status),
      HINT = 'Reopen it first with cmms.reopen.';
  END IF;
  UPDATE cmms.work_order w SET assignees = assign.assignees
  WHERE w.tenant_id = work_order.tenant_id AND w.common_work_order_id = assign.common_work_order_id
    AND w.assignees IS DISTINCT FROM assign.assignees;
  -- Work that is under way or interrupted stays so: it has changed hands.
  IF (SELECT s.sort_order < a.sort_order FROM cmms.common_status s, cmms.common_status a
      WHERE s.name = work_order.common_status AND a.name = 'assigned') THEN
    RETURN cmms.set_status(common_work_order_id, 'assigned');
  END IF;
  RETURN cmms.lock_work_order(common_work_order_id);
END
$$;
COMMENT ON FUNCTION cmms.assign(uuid, text[]) IS
'Gives an order to somebody: sets assignees, and the status assigned if it was not that far yet. Returns the order. SQLSTATEs: 22023 no names, WO004 the order has ended, WO002 the provider''s mode forbids it, P0002 no such order.';

CREATE FUNCTION cmms.complete(common_work_order_id uuid, completed_at timestamptz DEFAULT NULL) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  work_order cmms.work_order := cmms.set_status(common_work_order_id, 'completed');
BEGIN
  IF work_order.completed_at IS DISTINCT FROM coalesce(complete.completed_at, work_order.completed_at) THEN
    UPDATE cmms.work_order w SET completed_at = complete.completed_at
    WHERE w.tenant_id = work_order.tenant_id AND w.common_work_order_id = complete.common_work_order_id
    RETURNING w.* INTO work_order;
  END IF;
  RETURN work_order;
END
$$;
COMMENT ON FUNCTION cmms.complete(uuid, timestamptz) IS
'Completes an order: field work is done. completed_at: when it was (null: now, or as it was if completed already). Returns the order. SQLSTATEs: WO004 no way there, or the provider does not allow it now; WO002 the provider''s mode forbids it; P0002 no such order.';

CREATE FUNCTION cmms.close(common_work_order_id uuid) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN cmms.set_status(common_work_order_id, 'closed');
END
$$;
COMMENT ON FUNCTION cmms.close(uuid) IS
'Closes an order; one that is not completed yet is completed on the way. Returns the order. SQLSTATEs: WO004 no way there, or the provider does not allow it now; WO002 the provider''s mode forbids it; P0002 no such order.';

CREATE FUNCTION cmms.set_status_because(common_work_order_id uuid, to_status text, reason text) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  work_order cmms.work_order := cmms.lock_work_order(common_work_order_id);
BEGIN
  PERFORM cmms.require_text(reason, 'reason');
  IF work_order.common_status = to_status THEN
    RETURN work_order;
  END IF;
  work_order := cmms.set_status(common_work_order_id, to_status);
  PERFORM cmms.comment(common_work_order_id, reason, reason_for => to_status);
  RETURN work_order;
END
$$;
COMMENT ON FUNCTION cmms.set_status_because(uuid, text, text) IS
'cmms.set_status with a reason, which is kept as a comment; nothing where the order has the status already. SQLSTATEs: those of cmms.set_status, and 22023 no reason.';

CREATE FUNCTION cmms.reopen(common_work_order_id uuid, reason text) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  work_order cmms.work_order := cmms.lock_work_order(common_work_order_id);
  reopened text;
BEGIN
  SELECT t.to_status INTO reopened FROM cmms.transition t JOIN cmms.common_status s ON s.name = t.to_status
  WHERE t.from_status = work_order.common_status AND t.verb = 'reopen' AND t.allowed ORDER BY s.sort_order, s.name LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'WO004',
      MESSAGE = format('work order %s is %s and cannot be reopened', common_work_order_id, work_order.common_status),
      HINT = 'Moves of verb reopen in cmms.transition say what can be reopened.';
  END IF;
  RETURN cmms.set_status_because(common_work_order_id, reopened, reason);
END
$$;
COMMENT ON FUNCTION cmms.reopen(uuid, text) IS
'Reopens an order that was completed or closed (it is in progress again) or cancelled (it is requested again). The reason is kept as a comment. Returns the order. SQLSTATEs: WO004 it has not ended, or the provider does not allow it now; 22023 no reason; WO002 the provider''s mode forbids it; P0002 no such order.';

CREATE FUNCTION cmms.cancel(common_work_order_id uuid, reason text) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN cmms.set_status_because(common_work_order_id, 'cancelled', reason);
END
$$;
COMMENT ON FUNCTION cmms.cancel(uuid, text) IS
'Cancels an order. The reason is kept as a comment. Returns the order. SQLSTATEs: WO004 it is closed, or the provider does not allow it now; 22023 no reason; WO002 the provider''s mode forbids it; P0002 no such order.';

CREATE FUNCTION cmms.hold(common_work_order_id uuid, reason text) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN cmms.set_status_because(common_work_order_id, 'on_hold', reason);
END
$$;
COMMENT ON FUNCTION cmms.hold(uuid, text) IS
'Interrupts work on an order. The reason is kept as a comment. Returns the order. SQLSTATEs: WO004 it has ended, or the provider does not allow it now; 22023 no reason; WO002 the provider''s mode forbids it; P0002 no such order.';

CREATE FUNCTION cmms.resume(common_work_order_id uuid) RETURNS cmms.work_order
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  work_order cmms.work_order := cmms.lock_work_order(common_work_order_id);
  resumed text;
BEGIN
  SELECT t.to_status INTO resumed FROM cmms.transition t JOIN cmms.common_status s ON s.name = t.to_status
  WHERE t.from_status = work_order.common_status AND t.verb = 'resume' AND t.allowed ORDER BY s.sort_order, s.name LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'WO004',
      MESSAGE = format('work order %s is %s and cannot be resumed', common_work_order_id, work_order.common_status),
      HINT = 'Only interrupted work is resumed; any other status is set with cmms.set_status.';
  END IF;
  RETURN cmms.set_status(common_work_order_id, resumed);
END
$$;
COMMENT ON FUNCTION cmms.resume(uuid) IS
'Goes on with an order that is on hold: it is in progress. Returns the order. SQLSTATEs: WO004 it is not on hold, or the provider does not allow it now; WO002 the provider''s mode forbids it; P0002 no such order.';
