-- Views of work orders: for dispatchers, and for applications that take part with a table of their own.

CREATE VIEW cmms.work_order_overview AS
SELECT w.tenant_id, w.common_work_order_id, w.provider_id, p.mode, w.source_work_order_id, w.identifier, w.title,
       w.common_status, w.source_status, h.entered_at AS status_since, pg_catalog.now() - h.entered_at AS time_in_status,
       w.priority, w.work_type, w.asset_ref, w.location_ref, w.requester, w.assignees, w.vendors, w.sla_due_at,
       CASE WHEN w.sla_due_at IS NULL OR w.common_status = 'cancelled' THEN NULL
            WHEN w.common_status IN ('completed', 'closed')
              THEN CASE WHEN coalesce(w.completed_at, w.closed_at, w.updated_at) <= w.sla_due_at THEN 'met' ELSE 'missed' END
            WHEN w.sla_due_at < pg_catalog.now() THEN 'overdue'
            WHEN w.sla_due_at < pg_catalog.now() + interval '24 hours' THEN 'at_risk'
            ELSE 'on_track' END AS sla_state,
       w.sync_state, w.last_synced_at, q.operation AS waiting_operation, q.attempts, q.next_attempt_at,
       w.last_error, w.last_error_class, e.review_action, w.created_at, w.updated_at
FROM cmms.work_order w
LEFT JOIN cmms.provider p ON p.provider_id = w.provider_id
LEFT JOIN cmms.status_history h
  ON h.tenant_id = w.tenant_id AND h.common_work_order_id = w.common_work_order_id AND h.left_at IS NULL
LEFT JOIN cmms.outbox q ON q.tenant_id = w.tenant_id AND q.resource = 'work_order' AND q.record_id = w.common_work_order_id
LEFT JOIN cmms.error_class e ON e.name = w.last_error_class;
COMMENT ON VIEW cmms.work_order_overview IS 'Work orders with time in status, state against the due time, and how they stand with their provider.';
COMMENT ON COLUMN cmms.work_order_overview.tenant_id IS 'Tenant.';
COMMENT ON COLUMN cmms.work_order_overview.common_work_order_id IS 'Our id.';
COMMENT ON COLUMN cmms.work_order_overview.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.work_order_overview.mode IS 'Mode of the provider; null: never activated.';
COMMENT ON COLUMN cmms.work_order_overview.source_work_order_id IS 'The provider''s id.';
COMMENT ON COLUMN cmms.work_order_overview.identifier IS 'Number that people use for it.';
COMMENT ON COLUMN cmms.work_order_overview.title IS 'Short text.';
COMMENT ON COLUMN cmms.work_order_overview.common_status IS 'Lifecycle state.';
COMMENT ON COLUMN cmms.work_order_overview.source_status IS 'The provider''s word for it.';
COMMENT ON COLUMN cmms.work_order_overview.status_since IS 'When the status was entered.';
COMMENT ON COLUMN cmms.work_order_overview.time_in_status IS 'How long it has lasted.';
COMMENT ON COLUMN cmms.work_order_overview.priority IS 'Urgency.';
COMMENT ON COLUMN cmms.work_order_overview.work_type IS 'Kind of work.';
COMMENT ON COLUMN cmms.work_order_overview.asset_ref IS 'Asset.';
COMMENT ON COLUMN cmms.work_order_overview.location_ref IS 'Location.';
COMMENT ON COLUMN cmms.work_order_overview.requester IS 'Who asked for it.';
COMMENT ON COLUMN cmms.work_order_overview.assignees IS 'Who is to do it.';
COMMENT ON COLUMN cmms.work_order_overview.vendors IS 'Outside firms.';
COMMENT ON COLUMN cmms.work_order_overview.sla_due_at IS 'When it must be done.';
COMMENT ON COLUMN cmms.work_order_overview.sla_state IS 'on_track, at_risk (due within 24 hours), overdue, met or missed; null without a due time or when cancelled.';
COMMENT ON COLUMN cmms.work_order_overview.sync_state IS 'How it stands with the provider; see cmms.sync_state.';
COMMENT ON COLUMN cmms.work_order_overview.last_synced_at IS 'Last successful synchronization.';
COMMENT ON COLUMN cmms.work_order_overview.waiting_operation IS 'create or update that is not settled; null: nothing waits.';
COMMENT ON COLUMN cmms.work_order_overview.attempts IS 'Attempts so far.';
COMMENT ON COLUMN cmms.work_order_overview.next_attempt_at IS 'Not before.';
COMMENT ON COLUMN cmms.work_order_overview.last_error IS 'Why the last attempt failed.';
COMMENT ON COLUMN cmms.work_order_overview.last_error_class IS 'Class of that failure.';
COMMENT ON COLUMN cmms.work_order_overview.review_action IS 'What a person should check.';
COMMENT ON COLUMN cmms.work_order_overview.created_at IS 'When the row was made.';
COMMENT ON COLUMN cmms.work_order_overview.updated_at IS 'When a business column last changed.';

CREATE VIEW cmms.row_status AS
SELECT l.tenant_id, l.provider_id, l.map_name, l.table_name, l.row_key, l.common_work_order_id, w.source_work_order_id,
       w.identifier, w.common_status, w.source_status, w.sync_state, w.last_synced_at, w.last_error
FROM cmms.row_link l
JOIN cmms.work_order w ON w.tenant_id = l.tenant_id AND w.common_work_order_id = l.common_work_order_id
UNION ALL
SELECT h.tenant_id, h.provider_id, h.resource, NULL, h.source_record_id, NULL, NULL, NULL, NULL, NULL, 'held', NULL, h.reason
FROM cmms.held_record h
WHERE h.direction = 'row'
  AND NOT EXISTS (SELECT FROM cmms.row_link l
                  WHERE l.tenant_id = h.tenant_id AND l.provider_id = h.provider_id
                    AND l.map_name = h.resource AND l.row_key = h.source_record_id);
COMMENT ON VIEW cmms.row_status IS 'For each application row: its external id and status. Join it on map_name and row_key.';
COMMENT ON COLUMN cmms.row_status.tenant_id IS 'Tenant.';
COMMENT ON COLUMN cmms.row_status.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.row_status.map_name IS 'Map, as given to the trigger.';
COMMENT ON COLUMN cmms.row_status.table_name IS 'Application table, with its schema; null for a row that is held.';
COMMENT ON COLUMN cmms.row_status.row_key IS 'Key of the row.';
COMMENT ON COLUMN cmms.row_status.common_work_order_id IS 'Our id of the order.';
COMMENT ON COLUMN cmms.row_status.source_work_order_id IS 'The provider''s id of the order: the external id.';
COMMENT ON COLUMN cmms.row_status.identifier IS 'Number that people use for it.';
COMMENT ON COLUMN cmms.row_status.common_status IS 'Lifecycle state of the order.';
COMMENT ON COLUMN cmms.row_status.source_status IS 'The provider''s word for it.';
COMMENT ON COLUMN cmms.row_status.sync_state IS 'How the order stands with its provider; held: the row could not be mapped.';
COMMENT ON COLUMN cmms.row_status.last_synced_at IS 'Last successful synchronization.';
COMMENT ON COLUMN cmms.row_status.last_error IS 'Why the last attempt failed, or why the row is held.';
