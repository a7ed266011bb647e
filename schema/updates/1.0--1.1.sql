\echo Use "ALTER EXTENSION pg_cmms UPDATE" to load this file. \quit

-- From 1.0 to 1.1: what is not a function. The functions and descriptors of 1.1 follow by the Makefile.

DROP INDEX cmms.work_order_source_key;
CREATE UNIQUE INDEX work_order_source_key ON cmms.work_order (source_work_order_id, provider_id, tenant_id)
  WHERE source_work_order_id IS NOT NULL;

-- Ids that grow with time.
CREATE FUNCTION cmms.uuidv7() RETURNS uuid
  AS 'MODULE_PATHNAME', 'cmms_uuidv7' LANGUAGE c VOLATILE PARALLEL SAFE;
ALTER TABLE cmms.work_order ALTER COLUMN common_work_order_id SET DEFAULT cmms.uuidv7();
ALTER TABLE cmms.asset ALTER COLUMN asset_id SET DEFAULT cmms.uuidv7();
ALTER TABLE cmms.part ALTER COLUMN part_id SET DEFAULT cmms.uuidv7();
ALTER TABLE cmms.part_transaction ALTER COLUMN part_transaction_id SET DEFAULT cmms.uuidv7();
ALTER TABLE cmms.person ALTER COLUMN person_id SET DEFAULT cmms.uuidv7();
