\echo Use "ALTER EXTENSION pg_cmms UPDATE TO '1.0'" to load this file. \quit

-- Back from 1.1 to 1.0, for those who have to go back to the library of 1.0.

DROP INDEX cmms.work_order_source_key;
CREATE UNIQUE INDEX work_order_source_key ON cmms.work_order (tenant_id, provider_id, source_work_order_id)
  WHERE source_work_order_id IS NOT NULL;
