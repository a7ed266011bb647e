\echo Use "ALTER EXTENSION pg_cmms UPDATE TO '1.0'" to load this file. \quit

-- Back from 1.1 to 1.0, for those who have to go back to the library of 1.0.

DROP INDEX cmms.work_order_source_key;
CREATE UNIQUE INDEX work_order_source_key ON cmms.work_order (tenant_id, provider_id, source_work_order_id)
  WHERE source_work_order_id IS NOT NULL;

ALTER TABLE cmms.work_order ALTER COLUMN common_work_order_id SET DEFAULT pg_catalog.gen_random_uuid();
ALTER TABLE cmms.asset ALTER COLUMN asset_id SET DEFAULT pg_catalog.gen_random_uuid();
ALTER TABLE cmms.part ALTER COLUMN part_id SET DEFAULT pg_catalog.gen_random_uuid();
ALTER TABLE cmms.part_transaction ALTER COLUMN part_transaction_id SET DEFAULT pg_catalog.gen_random_uuid();
ALTER TABLE cmms.person ALTER COLUMN person_id SET DEFAULT pg_catalog.gen_random_uuid();
DROP FUNCTION cmms.uuidv7();
