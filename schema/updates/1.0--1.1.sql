\echo Use "ALTER EXTENSION pg_cmms UPDATE" to load this file. \quit

-- From 1.0 to 1.1: what is not a function. The functions and descriptors of 1.1 follow by the Makefile.

DROP INDEX cmms.work_order_source_key;
CREATE UNIQUE INDEX work_order_source_key ON cmms.work_order (source_work_order_id, provider_id, tenant_id)
  WHERE source_work_order_id IS NOT NULL;
