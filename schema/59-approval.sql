-- Approval: what waits in mode draft, with what it would change, and what a person decides about it.

CREATE VIEW cmms.pending_approval AS
SELECT q.tenant_id, q.record_id AS common_work_order_id, q.provider_id, q.operation, q.source_record_id AS source_work_order_id,
       w.identifier, w.title, q.changed_by, q.enqueued_at AS waiting_since,
       (SELECT coalesce(pg_catalog.jsonb_object_agg(f.field, pg_catalog.jsonb_build_object('from', v.said -> f.field, 'to', v.ours -> f.field)), '{}')
        FROM (SELECT pg_catalog.to_jsonb(pg_catalog.jsonb_populate_record(NULL::cmms.work_order, coalesce(w.source_fields, '{}'))) AS said,
                     pg_catalog.to_jsonb(w) AS ours) AS v
        CROSS JOIN LATERAL pg_catalog.unnest(q.changed_fields) AS f(field)
        WHERE w.common_work_order_id IS NOT NULL AND v.said -> f.field IS DISTINCT FROM v.ours -> f.field) AS changes
FROM cmms.outbox q
LEFT JOIN cmms.work_order w ON w.tenant_id = q.tenant_id AND w.common_work_order_id = q.record_id
WHERE q.state = 'awaiting_approval' AND q.resource = 'work_order';
COMMENT ON VIEW cmms.pending_approval IS 'Mode draft: changes that wait for cmms.approve or cmms.reject, one row for each order.';
COMMENT ON COLUMN cmms.pending_approval.tenant_id IS 'Tenant.';
COMMENT ON COLUMN cmms.pending_approval.common_work_order_id IS 'Our id of the order.';
COMMENT ON COLUMN cmms.pending_approval.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.pending_approval.operation IS 'create, update or delete.';
COMMENT ON COLUMN cmms.pending_approval.source_work_order_id IS 'The provider''s id; null while it has none.';
COMMENT ON COLUMN cmms.pending_approval.identifier IS 'Number that people use for it; null for a deleted order.';
COMMENT ON COLUMN cmms.pending_approval.title IS 'Short text; null for a deleted order.';
COMMENT ON COLUMN cmms.pending_approval.changed_by IS 'Role that made the last of the changes.';
COMMENT ON COLUMN cmms.pending_approval.waiting_since IS 'When the oldest of the changes was made.';
COMMENT ON COLUMN cmms.pending_approval.changes IS 'For each changed column what the provider last said ("from") and our value ("to"); empty for a delete.';

CREATE FUNCTION cmms.approve(common_work_order_id uuid) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  approved record;
BEGIN
  -- First the order, then the outbox: as every change does.
  PERFORM FROM cmms.work_order w
  WHERE w.common_work_order_id = approve.common_work_order_id AND cmms.has_tenant(w.tenant_id, 'write') FOR NO KEY UPDATE;
  UPDATE cmms.outbox q SET state = 'pending', next_attempt_at = now()
  WHERE q.resource = 'work_order' AND q.record_id = approve.common_work_order_id AND q.state = 'awaiting_approval'
    AND cmms.has_tenant(q.tenant_id, 'write')
  RETURNING q.tenant_id, q.provider_id, q.operation INTO approved;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE cmms.work_order w SET sync_state = 'pending'
  WHERE w.tenant_id = approved.tenant_id AND w.common_work_order_id = approve.common_work_order_id;
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (approved.tenant_id, 'approve', approved.provider_id,
          jsonb_build_object('common_work_order_id', common_work_order_id, 'operation', approved.operation), cmms.calling_role());
  PERFORM cmms.wake_worker();
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.approve(uuid) IS
'Mode draft: lets the waiting changes of one order go to the provider. Returns whether any waited (false also for another tenant''s order).';

CREATE FUNCTION cmms.reject(common_work_order_id uuid, reason text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'cmms_reject' LANGUAGE c;
COMMENT ON FUNCTION cmms.reject(uuid, text) IS
'Mode draft: drops the waiting changes of one order. A create: the order stays here, rejected, and cmms.retry offers it again. An update: the changed columns go back to what the provider last said, and nothing is sent. A delete: it is not sent; the order is gone here until the provider''s next news of it. Written to audit_log, with an event sync.failed. Returns whether any waited (false also for another tenant''s order). SQLSTATE 22023: no reason.';

-- The columns that go back: what the provider said of them. The stamps of a status go with it; what the provider never said stays.
CREATE FUNCTION cmms.reverted_fields(stored cmms.work_order, changed text[]) RETURNS jsonb
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_object_agg(f, coalesce(stored.source_fields -> f, 'null')), '{}')
  FROM unnest(changed) f
  WHERE stored.source_fields ? f
     OR f IN ('assigned_at', 'started_at', 'completed_at', 'closed_at') AND 'common_status' = ANY (changed)
        AND stored.source_fields ? 'common_status'
$$;
COMMENT ON FUNCTION cmms.reverted_fields(cmms.work_order, text[]) IS 'Columns, of those that changed, with the values that the provider last said: what cmms.reject puts back.';

CREATE FUNCTION cmms.revert_order(stored cmms.work_order, changed text[], reason text) RETURNS text[]
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  reverted cmms.work_order := jsonb_populate_record(stored, cmms.reverted_fields(stored, changed));
  fields text[];
BEGIN
  reverted.common_status := coalesce(reverted.common_status, stored.common_status);
  reverted.priority := coalesce(reverted.priority, stored.priority);
  reverted.metadata := coalesce(reverted.metadata, '{}');
  UPDATE cmms.conflict c SET winner = 'provider', resolved_at = now(), resolved_by = cmms.calling_role(), note = reason
  WHERE c.tenant_id = stored.tenant_id AND c.record_id = stored.common_work_order_id AND c.field = ANY (changed) AND c.resolved_at IS NULL;
  reverted.sync_state := 'stale';
  IF NOT cmms.has_open_conflict(stored.tenant_id, stored.common_work_order_id) THEN
    reverted.sync_state := 'synchronized';
    reverted.last_error := NULL; reverted.last_error_class := NULL; reverted.last_error_detail := NULL;
  END IF;
  fields := cmms.work_order_changes(stored, reverted);
  IF fields <> '{}' THEN
    reverted.updated_at := now();
  END IF;
  PERFORM cmms.update_applied(stored.common_status, reverted,
    (SELECT w.xmin FROM cmms.work_order w
     WHERE w.tenant_id = stored.tenant_id AND w.common_work_order_id = stored.common_work_order_id));
  -- Nothing was synchronized.
  UPDATE cmms.work_order w SET last_synced_at = stored.last_synced_at
  WHERE w.tenant_id = stored.tenant_id AND w.common_work_order_id = stored.common_work_order_id;
  IF fields <> '{}' THEN
    PERFORM cmms.add_event(reverted, cmms.update_event_type(stored.common_status, reverted.common_status),
                           cmms.update_event_detail('local', fields, stored.common_status, reverted.common_status));
  END IF;
  RETURN fields;
END
$$;
COMMENT ON FUNCTION cmms.revert_order(cmms.work_order, text[], text) IS 'Puts the provider''s values back into columns of an order without sending them, which also decides their open conflicts; returns the columns that changed. Internal: for cmms.reject.';

CREATE FUNCTION cmms.drop_draft(record_id uuid, reason text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  stored cmms.work_order;
  draft cmms.outbox;
  reverted text[] := '{}';
BEGIN
  IF cmms.change_origin() <> 'provider' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'drop_draft is internal to pg_cmms',
      HINT = 'Use cmms.reject(common_work_order_id, reason).';
  END IF;
  PERFORM cmms.require_text(reason, 'reason');
  SELECT w.* INTO stored FROM cmms.work_order w
  WHERE w.common_work_order_id = drop_draft.record_id AND cmms.has_tenant(w.tenant_id, 'write') FOR NO KEY UPDATE;
  DELETE FROM cmms.outbox q
  WHERE q.resource = 'work_order' AND q.record_id = drop_draft.record_id AND q.state = 'awaiting_approval'
    AND cmms.has_tenant(q.tenant_id, 'write')
  RETURNING q.* INTO draft;
  IF NOT FOUND THEN
    RETURN false;
  END IF;

  IF draft.operation = 'create' THEN
    UPDATE cmms.work_order w
    SET sync_state = 'rejected', last_error = drop_draft.reason, last_error_class = NULL, last_error_detail = NULL
    WHERE w.tenant_id = stored.tenant_id AND w.common_work_order_id = stored.common_work_order_id;
  ELSIF draft.operation = 'update' THEN
    reverted := cmms.revert_order(stored, draft.changed_fields, reason);
  END IF;
  stored.tenant_id := draft.tenant_id;
  stored.provider_id := draft.provider_id;
  stored.common_work_order_id := draft.record_id;
  PERFORM cmms.add_event(stored, 'sync.failed', jsonb_build_object('cause', 'local', 'operation', draft.operation, 'reason', reason));
  INSERT INTO cmms.audit_log (tenant_id, action, provider_id, detail, actor)
  VALUES (draft.tenant_id, 'reject', draft.provider_id,
          jsonb_build_object('common_work_order_id', draft.record_id, 'source_work_order_id', draft.source_record_id,
                             'operation', draft.operation, 'changed', draft.changed_fields, 'reverted', reverted, 'reason', reason),
          cmms.calling_role());
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.drop_draft(uuid, text) IS 'What cmms.reject does, with change_origin() = ''provider''. Internal. SQLSTATEs: 22023 no reason, 55000 not called by pg_cmms.';
