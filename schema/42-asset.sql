-- Assets: what work is done on, equipment and functional locations alike.

CREATE TABLE cmms.asset (
  tenant_id text NOT NULL,
  asset_id uuid NOT NULL DEFAULT cmms.uuidv7(),
  provider_id text NOT NULL,
  source_asset_id cmms.source_id,
  identifier text,
  name cmms.record_name,
  description text,
  asset_type text,
  parent_ref text,
  location_ref text,
  manufacturer text,
  model text,
  serial_number text,
  gtin text,
  cost_center text,
  tags text[],
  LIKE cmms.synchronized_record INCLUDING DEFAULTS INCLUDING COMMENTS,
  PRIMARY KEY (tenant_id, asset_id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX asset_source_key ON cmms.asset (tenant_id, provider_id, source_asset_id) WHERE source_asset_id IS NOT NULL;
CREATE INDEX asset_identifier_idx ON cmms.asset (tenant_id, provider_id, identifier) WHERE identifier IS NOT NULL;
CREATE INDEX asset_failed_idx ON cmms.asset (tenant_id, provider_id) WHERE last_error_class IS NOT NULL;

COMMENT ON TABLE cmms.asset IS 'Assets of all providers in one shape. work_order.asset_ref names one by the provider''s key, loosely: an order may name what is not here.';
COMMENT ON COLUMN cmms.asset.tenant_id IS 'Tenant; filled in from the provider, and always the provider''s.';
COMMENT ON COLUMN cmms.asset.asset_id IS 'Our own id, made here. Cannot be changed.';
COMMENT ON COLUMN cmms.asset.provider_id IS 'Name of the foreign server that it belongs to. Cannot be changed.';
COMMENT ON COLUMN cmms.asset.source_asset_id IS 'The provider''s id of it; null until the provider has it.';
COMMENT ON COLUMN cmms.asset.identifier IS 'Code that people use for it, as EQ-0001.';
COMMENT ON COLUMN cmms.asset.name IS 'Name. 1 to 1,000 characters.';
COMMENT ON COLUMN cmms.asset.description IS 'Long text.';
COMMENT ON COLUMN cmms.asset.asset_type IS 'Kind of asset in the provider''s words, as equipment or functional location.';
COMMENT ON COLUMN cmms.asset.parent_ref IS 'Asset that it is a part of, in the provider''s key.';
COMMENT ON COLUMN cmms.asset.location_ref IS 'Building, floor, room or site, in the provider''s key.';
COMMENT ON COLUMN cmms.asset.manufacturer IS 'Who made it.';
COMMENT ON COLUMN cmms.asset.model IS 'The maker''s name of the model.';
COMMENT ON COLUMN cmms.asset.serial_number IS 'The maker''s number of this one.';
COMMENT ON COLUMN cmms.asset.gtin IS 'Global Trade Item Number.';
COMMENT ON COLUMN cmms.asset.cost_center IS 'Cost center that it is charged to.';
COMMENT ON COLUMN cmms.asset.tags IS 'Tags, in the provider''s codes.';
