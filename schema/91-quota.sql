-- Quotas: what a provider allows by the month and does not tell of in its answers, counted here.

CREATE TABLE cmms.quota_count (
  tenant_id text NOT NULL,
  provider_id text NOT NULL,
  resource text NOT NULL,
  operation text NOT NULL,
  period_start timestamptz NOT NULL,
  used bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, provider_id, resource, operation, period_start)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
COMMENT ON TABLE cmms.quota_count IS 'What was used of providers'' quotas, by calendar month (UTC). Read it through cmms.quota_usage.';
COMMENT ON COLUMN cmms.quota_count.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.quota_count.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.quota_count.resource IS 'Kind of record.';
COMMENT ON COLUMN cmms.quota_count.operation IS 'create, update or delete.';
COMMENT ON COLUMN cmms.quota_count.period_start IS 'Start of the month.';
COMMENT ON COLUMN cmms.quota_count.used IS 'Writes that the provider took in this month, as far as they came from here.';

CREATE VIEW cmms.quota_usage AS
SELECT s.srvname::text AS provider_id, coalesce(p.tenant_id, 'default') AS tenant_id, q.resource, q.operation,
       m.period_start, m.period_start + interval '1 month' AS period_end, coalesce(c.used, 0) AS used, q.quota_limit,
       greatest(q.quota_limit - coalesce(c.used, 0), 0) AS remaining
FROM pg_catalog.pg_foreign_server s
JOIN pg_catalog.pg_foreign_data_wrapper f ON f.oid = s.srvfdw AND f.fdwname = 'cmms'
LEFT JOIN cmms.provider p ON p.provider_id = s.srvname
CROSS JOIN (SELECT pg_catalog.date_trunc('month', pg_catalog.now(), 'UTC') AS period_start) m
CROSS JOIN LATERAL cmms.quotas(s.srvname::text) q
LEFT JOIN cmms.quota_count c ON c.tenant_id = coalesce(p.tenant_id, 'default') AND c.provider_id = s.srvname
  AND c.resource = q.resource AND c.operation = q.operation AND c.period_start = m.period_start
WHERE cmms.sees_tenant(coalesce(p.tenant_id, 'default'));
COMMENT ON VIEW cmms.quota_usage IS 'What is left of the quotas of providers that count writes by the month (UTC) and do not tell of it: counted here, so writes of other clients of the same account are not in it.';
COMMENT ON COLUMN cmms.quota_usage.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.quota_usage.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.quota_usage.resource IS 'Kind of record.';
COMMENT ON COLUMN cmms.quota_usage.operation IS 'create, update or delete.';
COMMENT ON COLUMN cmms.quota_usage.period_start IS 'Start of the current month.';
COMMENT ON COLUMN cmms.quota_usage.period_end IS 'Start of the next one.';
COMMENT ON COLUMN cmms.quota_usage.used IS 'Writes that the provider took in this month.';
COMMENT ON COLUMN cmms.quota_usage.quota_limit IS 'Writes in a month, by the server''s option.';
COMMENT ON COLUMN cmms.quota_usage.remaining IS 'What is left of them.';
