-- Application tables: any table takes part by a trigger, without being changed.

CREATE TABLE cmms.row_link (
  tenant_id text NOT NULL,
  provider_id text NOT NULL,
  map_name text NOT NULL,
  table_name text NOT NULL,
  row_key text NOT NULL,
  common_work_order_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, provider_id, map_name, row_key)
);
CREATE INDEX row_link_common_work_order_id_idx ON cmms.row_link (tenant_id, common_work_order_id);
COMMENT ON TABLE cmms.row_link IS 'Which work order belongs to which application row. Written by cmms.sync_row.';
COMMENT ON COLUMN cmms.row_link.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.row_link.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.row_link.map_name IS 'Map, as given to the trigger.';
COMMENT ON COLUMN cmms.row_link.table_name IS 'Application table, with its schema.';
COMMENT ON COLUMN cmms.row_link.row_key IS 'Key of the row, as the map''s rule "key" reads it.';
COMMENT ON COLUMN cmms.row_link.common_work_order_id IS 'The work order.';

CREATE FUNCTION cmms.sync_row() RETURNS trigger
  AS 'MODULE_PATHNAME', 'cmms_sync_row' LANGUAGE c;
COMMENT ON FUNCTION cmms.sync_row() IS
'Row trigger for application tables, AFTER INSERT OR UPDATE OR DELETE, arguments: provider_id, map_name. An insert creates a work order, an update updates it, a delete cancels it, as the map says (cmms.set_row_mapping). A row that cannot be mapped is held; its own change goes on. SQLSTATEs: WO001 no such server, WO006 no such map, 42501 no write access to the provider''s tenant.';
