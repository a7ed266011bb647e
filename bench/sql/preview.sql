-- 10,000 documents previewed in one statement; beside it, the same documents only turned into rows. Prints the seconds of both.
CREATE TEMP TABLE document AS
  SELECT jsonb_build_object('id', n, 'title', 'Freezer ' || n, 'description', 'Water leakage due to a blocked defrost drain',
    'status', 'in_progress', 'priority', 'high', 'asset_id', 'AST-001', 'location_id', 'BLD-1/F2/R17', 'requester', 'jane.doe@example.org',
    'due_date', '2026-12-01T12:00:00Z', 'started_at', '2026-11-20T08:15:00Z', 'total_cost', 183.05, 'currency', 'EUR',
    'updated_at', '2026-11-20T08:15:42Z') AS body FROM generate_series(1, 10000) n;
SELECT clock_timestamp() AS started \gset
SELECT count(*) AS rows FROM document d CROSS JOIN LATERAL cmms.preview_inbound('bench_webhook', 'work_order', d.body) \gset
SELECT clock_timestamp() AS previewed \gset
SELECT count((jsonb_populate_record(NULL::cmms.work_order, d.body)).title) AS rows FROM document d \gset
SELECT extract(epoch FROM :'previewed'::timestamptz - :'started'), extract(epoch FROM clock_timestamp() - :'previewed');
