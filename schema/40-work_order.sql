-- Work orders: the record itself, the interface of applications. Ordinary INSERT, UPDATE and DELETE are all they need.

CREATE TABLE cmms.work_order (
  tenant_id text NOT NULL,
  common_work_order_id uuid NOT NULL DEFAULT cmms.uuidv7(),
  provider_id text NOT NULL,
  source_work_order_id cmms.source_id,
  identifier text,
  title cmms.order_title,
  description text,
  work_type text,
  issue_type text,
  asset_ref text,
  location_ref text,
  requester text,
  assignees text[],
  vendors text[],
  common_status text NOT NULL DEFAULT 'requested',
  source_status text,
  source_allowed_statuses text[],
  priority text NOT NULL DEFAULT 'none',
  source_priority text,
  planned_start_at timestamptz,
  planned_end_at timestamptz,
  actual_start_at timestamptz,
  actual_end_at timestamptz,
  sla_due_at timestamptz,
  assigned_at timestamptz,
  acknowledged_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  closed_at timestamptz,
  labor_cost cmms.amount,
  material_cost cmms.amount,
  total_cost cmms.amount,
  currency cmms.currency_code,
  nte_limit cmms.amount,
  nte_limit_original cmms.amount,
  nte_currency cmms.currency_code,
  metadata cmms.jsonb_object NOT NULL DEFAULT '{}',
  source_doc jsonb,
  source_fields jsonb,
  source_updated_at timestamptz,
  source_revision text,
  sync_state cmms.order_sync_state NOT NULL DEFAULT 'pending',
  last_synced_at timestamptz,
  awaited_echo text[],
  last_error text,
  last_error_class text,
  last_error_detail jsonb,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (tenant_id, common_work_order_id),
  CONSTRAINT work_order_common_status_fkey FOREIGN KEY (common_status) REFERENCES cmms.common_status,
  CONSTRAINT work_order_priority_fkey FOREIGN KEY (priority) REFERENCES cmms.priority
) WITH (fillfactor = 85);

-- No index carries sync_state or a time: the worker's updates of a pushed order stay heap-only.
-- What tells orders apart comes first: a descent compares one column instead of three.
CREATE UNIQUE INDEX work_order_source_key ON cmms.work_order (source_work_order_id, provider_id, tenant_id)
  WHERE source_work_order_id IS NOT NULL;
CREATE INDEX work_order_common_work_order_id_idx ON cmms.work_order (common_work_order_id);
CREATE INDEX work_order_failed_idx ON cmms.work_order (tenant_id, provider_id) WHERE last_error_class IS NOT NULL;

COMMENT ON TABLE cmms.work_order IS 'Work orders of all providers in one shape. INSERT, UPDATE and DELETE are the interface: a committed change is checked, queued and sent to the provider; the provider''s news arrive here.';
COMMENT ON COLUMN cmms.work_order.tenant_id IS 'Tenant; filled in from the provider, and always the provider''s.';
COMMENT ON COLUMN cmms.work_order.common_work_order_id IS 'Our own id, made here; it also travels to the provider as our reference. Cannot be changed.';
COMMENT ON COLUMN cmms.work_order.provider_id IS 'Name of the foreign server that this order belongs to. Cannot be changed.';
COMMENT ON COLUMN cmms.work_order.source_work_order_id IS 'The provider''s id of the order; null until the provider has it.';
COMMENT ON COLUMN cmms.work_order.identifier IS 'Number that people use for it, as WO-1126.';
COMMENT ON COLUMN cmms.work_order.title IS 'Short text. 1 to 1,000 characters.';
COMMENT ON COLUMN cmms.work_order.description IS 'Long text.';
COMMENT ON COLUMN cmms.work_order.work_type IS 'Kind of work: reactive, planned, inspection and so on, in the provider''s words.';
COMMENT ON COLUMN cmms.work_order.issue_type IS 'Category of the problem, as Electrical / Fixture Replacement.';
COMMENT ON COLUMN cmms.work_order.asset_ref IS 'Asset, equipment or system, in the provider''s key.';
COMMENT ON COLUMN cmms.work_order.location_ref IS 'Building, floor, room or site, in the provider''s key.';
COMMENT ON COLUMN cmms.work_order.requester IS 'Who asked for it: a name, address or key.';
COMMENT ON COLUMN cmms.work_order.assignees IS 'Who is to do it.';
COMMENT ON COLUMN cmms.work_order.vendors IS 'Outside firms that are to do it.';
COMMENT ON COLUMN cmms.work_order.common_status IS 'Lifecycle state; see cmms.common_status. Local changes follow cmms.transition (SQLSTATE WO004 otherwise).';
COMMENT ON COLUMN cmms.work_order.source_status IS 'The provider''s own word for its status.';
COMMENT ON COLUMN cmms.work_order.source_allowed_statuses IS 'Statuses that the provider allows this order next, in the hub''s words; null where it does not say. Honoured before anything is sent (SQLSTATE WO004 otherwise).';
COMMENT ON COLUMN cmms.work_order.priority IS 'Urgency; see cmms.priority.';
COMMENT ON COLUMN cmms.work_order.source_priority IS 'The provider''s own word for its priority.';
COMMENT ON COLUMN cmms.work_order.planned_start_at IS 'Planned start of the work.';
COMMENT ON COLUMN cmms.work_order.planned_end_at IS 'Planned end of the work.';
COMMENT ON COLUMN cmms.work_order.actual_start_at IS 'Actual start of the work, as reported.';
COMMENT ON COLUMN cmms.work_order.actual_end_at IS 'Actual end of the work, as reported.';
COMMENT ON COLUMN cmms.work_order.sla_due_at IS 'When it must be done; the provider''s due date.';
COMMENT ON COLUMN cmms.work_order.assigned_at IS 'When it was assigned; set when the status becomes assigned, unless given.';
COMMENT ON COLUMN cmms.work_order.acknowledged_at IS 'When the assignee confirmed it.';
COMMENT ON COLUMN cmms.work_order.started_at IS 'When work first began; set when the status first becomes in_progress, unless given.';
COMMENT ON COLUMN cmms.work_order.completed_at IS 'When it was completed; set when the status becomes completed, cleared when it is reopened, unless given.';
COMMENT ON COLUMN cmms.work_order.closed_at IS 'When it was closed; set when the status becomes closed, cleared when it is reopened, unless given.';
COMMENT ON COLUMN cmms.work_order.labor_cost IS 'Cost of labor, in currency.';
COMMENT ON COLUMN cmms.work_order.material_cost IS 'Cost of material, in currency.';
COMMENT ON COLUMN cmms.work_order.total_cost IS 'Total cost, in currency.';
COMMENT ON COLUMN cmms.work_order.currency IS 'ISO 4217 code of the costs.';
COMMENT ON COLUMN cmms.work_order.nte_limit IS 'Not-to-exceed limit of now, in nte_currency.';
COMMENT ON COLUMN cmms.work_order.nte_limit_original IS 'Not-to-exceed limit as first set, in nte_currency.';
COMMENT ON COLUMN cmms.work_order.nte_currency IS 'ISO 4217 code of the limits.';
COMMENT ON COLUMN cmms.work_order.metadata IS 'The caller''s own JSON object; sent where a provider carries such.';
COMMENT ON COLUMN cmms.work_order.source_doc IS 'The provider''s last document, whole.';
COMMENT ON COLUMN cmms.work_order.source_fields IS 'What the provider''s documents last said, mapped. Only what differs from it is news: a local value that the provider renders more coarsely is not overwritten by its echo.';
COMMENT ON COLUMN cmms.work_order.source_updated_at IS 'The provider''s time stamp of that document. Older news are refused.';
COMMENT ON COLUMN cmms.work_order.source_revision IS 'The provider''s revision of that document, where it has one.';
COMMENT ON COLUMN cmms.work_order.sync_state IS 'How the order stands with its provider; see cmms.sync_state.';
COMMENT ON COLUMN cmms.work_order.last_synced_at IS 'Last successful synchronization.';
COMMENT ON COLUMN cmms.work_order.awaited_echo IS 'Fields of the last push, until the provider''s next word on the order; see cmms.echo_count.';
COMMENT ON COLUMN cmms.work_order.last_error IS 'Why the last attempt failed; null after a success.';
COMMENT ON COLUMN cmms.work_order.last_error_class IS 'Class of that failure; see cmms.error_class.';
COMMENT ON COLUMN cmms.work_order.last_error_detail IS 'The provider''s errors field by field, as it sent them.';
COMMENT ON COLUMN cmms.work_order.created_at IS 'When the row was made.';
COMMENT ON COLUMN cmms.work_order.updated_at IS 'When a business column last changed.';

-- The list of business columns is src/pg/store/business_columns.hpp.
CREATE FUNCTION cmms.work_order_changes(before cmms.work_order, after cmms.work_order) RETURNS text[]
  AS 'MODULE_PATHNAME', 'cmms_work_order_changes' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cmms.work_order_changes(cmms.work_order, cmms.work_order) IS
'Names of the business columns (those that are pushed) in which two versions of an order differ; empty if none. With a null first version: the columns that are set.';
