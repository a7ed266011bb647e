-- Spare parts and their stock, and what happened to the stock.

CREATE TABLE cmms.part (
  tenant_id text NOT NULL,
  part_id uuid NOT NULL DEFAULT cmms.uuidv7(),
  provider_id text NOT NULL,
  source_part_id cmms.source_id,
  identifier text,
  name cmms.record_name,
  description text,
  part_type text,
  unit_price cmms.amount,
  currency cmms.currency_code,
  stock_quantity cmms.quantity,
  stock_location text,
  unit text,
  minimum_stock cmms.quantity,
  maximum_stock cmms.quantity,
  replenishment_lot cmms.quantity,
  gtin text,
  cost_center text,
  tags text[],
  LIKE cmms.synchronized_record INCLUDING DEFAULTS INCLUDING COMMENTS,
  PRIMARY KEY (tenant_id, part_id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX part_source_key ON cmms.part (tenant_id, provider_id, source_part_id) WHERE source_part_id IS NOT NULL;
CREATE INDEX part_identifier_idx ON cmms.part (tenant_id, provider_id, identifier) WHERE identifier IS NOT NULL;
CREATE INDEX part_failed_idx ON cmms.part (tenant_id, provider_id) WHERE last_error_class IS NOT NULL;

COMMENT ON TABLE cmms.part IS 'Spare parts of all providers in one shape.';
COMMENT ON COLUMN cmms.part.tenant_id IS 'Tenant; filled in from the provider, and always the provider''s.';
COMMENT ON COLUMN cmms.part.part_id IS 'Our own id, made here. Cannot be changed.';
COMMENT ON COLUMN cmms.part.provider_id IS 'Name of the foreign server that it belongs to. Cannot be changed.';
COMMENT ON COLUMN cmms.part.source_part_id IS 'The provider''s id of it; null until the provider has it.';
COMMENT ON COLUMN cmms.part.identifier IS 'Code that people use for it: article code, item number.';
COMMENT ON COLUMN cmms.part.name IS 'Name. 1 to 1,000 characters.';
COMMENT ON COLUMN cmms.part.description IS 'Long text.';
COMMENT ON COLUMN cmms.part.part_type IS 'Kind of part in the provider''s words.';
COMMENT ON COLUMN cmms.part.unit_price IS 'Price of one unit, in currency.';
COMMENT ON COLUMN cmms.part.currency IS 'ISO 4217 code of the price.';
COMMENT ON COLUMN cmms.part.stock_quantity IS 'How many are there.';
COMMENT ON COLUMN cmms.part.stock_location IS 'Where they are kept.';
COMMENT ON COLUMN cmms.part.unit IS 'Unit of quantities, as piece or m.';
COMMENT ON COLUMN cmms.part.minimum_stock IS 'Level under which it is to be ordered again.';
COMMENT ON COLUMN cmms.part.maximum_stock IS 'Level over which it is not to be ordered.';
COMMENT ON COLUMN cmms.part.replenishment_lot IS 'How many are ordered at once.';
COMMENT ON COLUMN cmms.part.gtin IS 'Global Trade Item Number.';
COMMENT ON COLUMN cmms.part.cost_center IS 'Cost center that it is charged to.';
COMMENT ON COLUMN cmms.part.tags IS 'Tags, in the provider''s codes.';

CREATE TABLE cmms.part_transaction (
  tenant_id text NOT NULL,
  part_transaction_id uuid NOT NULL DEFAULT cmms.uuidv7(),
  provider_id text NOT NULL,
  source_part_transaction_id cmms.source_id,
  part_ref text,
  part_id uuid,
  kind cmms.part_transaction_kind NOT NULL,
  quantity cmms.quantity,
  previous_stock cmms.quantity,
  stock cmms.quantity,
  threshold cmms.quantity,
  stock_location text,
  person_ref text,
  work_order_ref text,
  common_work_order_id uuid,
  asset_ref text,
  occurred_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  metadata cmms.jsonb_object NOT NULL DEFAULT '{}',
  source_doc jsonb,
  webhook_event_id bigint,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (tenant_id, part_transaction_id)
);
CREATE UNIQUE INDEX part_transaction_source_key ON cmms.part_transaction (tenant_id, provider_id, source_part_transaction_id)
  WHERE source_part_transaction_id IS NOT NULL;
CREATE INDEX part_transaction_part_idx ON cmms.part_transaction (tenant_id, part_id, occurred_at);

COMMENT ON TABLE cmms.part_transaction IS 'What happened to the stock of parts. Append-only.';
COMMENT ON COLUMN cmms.part_transaction.tenant_id IS 'Tenant; filled in from the provider, and always the provider''s.';
COMMENT ON COLUMN cmms.part_transaction.part_transaction_id IS 'Our own id, made here.';
COMMENT ON COLUMN cmms.part_transaction.provider_id IS 'Name of the foreign server that it belongs to.';
COMMENT ON COLUMN cmms.part_transaction.source_part_transaction_id IS 'The provider''s id of it or, where it has none, that of the delivery that told of it.';
COMMENT ON COLUMN cmms.part_transaction.part_ref IS 'The part, in the provider''s key.';
COMMENT ON COLUMN cmms.part_transaction.part_id IS 'The part, if it is here; found by part_ref.';
COMMENT ON COLUMN cmms.part_transaction.kind IS 'What happened; see the domain cmms.part_transaction_kind.';
COMMENT ON COLUMN cmms.part_transaction.quantity IS 'How many were taken, added or counted.';
COMMENT ON COLUMN cmms.part_transaction.previous_stock IS 'How many were there before.';
COMMENT ON COLUMN cmms.part_transaction.stock IS 'How many were there afterwards, as the provider says.';
COMMENT ON COLUMN cmms.part_transaction.threshold IS 'Level that was passed, for under_minimum.';
COMMENT ON COLUMN cmms.part_transaction.stock_location IS 'Where they are kept.';
COMMENT ON COLUMN cmms.part_transaction.person_ref IS 'By whom: a name or key.';
COMMENT ON COLUMN cmms.part_transaction.work_order_ref IS 'The order that it was for, in the provider''s key.';
COMMENT ON COLUMN cmms.part_transaction.common_work_order_id IS 'That order, if it is here; found by work_order_ref.';
COMMENT ON COLUMN cmms.part_transaction.asset_ref IS 'Asset that it was for, in the provider''s key.';
COMMENT ON COLUMN cmms.part_transaction.occurred_at IS 'When it happened.';
COMMENT ON COLUMN cmms.part_transaction.metadata IS 'The caller''s own JSON object.';
COMMENT ON COLUMN cmms.part_transaction.source_doc IS 'The provider''s document, whole.';
COMMENT ON COLUMN cmms.part_transaction.webhook_event_id IS 'Delivery that told of it.';
COMMENT ON COLUMN cmms.part_transaction.created_at IS 'When the row was made.';
