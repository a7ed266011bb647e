-- What is older than the settings allow goes: by whole weeks where a table is partitioned, row by row elsewhere.
SELECT name, setting, context FROM pg_settings WHERE name LIKE 'cmms.%retention' ORDER BY name;
SELECT step, relation, removes, keeps, keeps_failures FROM cmms.retention_rule() ORDER BY step;
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
-- A week's partition as the worker made it 40 weeks ago, 20 and 2.
CREATE FUNCTION pg_temp.make_week(parent text, begins timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  partition text := parent || '_' || to_char(begins, 'IYYY"w"IW');
BEGIN
  EXECUTE format('CREATE TABLE cmms.%I (LIKE cmms.%I INCLUDING ALL EXCLUDING IDENTITY)', partition, parent || '_default');
  EXECUTE format('ALTER TABLE cmms.%I ATTACH PARTITION cmms.%I FOR VALUES FROM (%L) TO (%L)', parent, partition, begins, begins + interval '1 week');
END
$$;
SELECT count(pg_temp.make_week(p.name, date_trunc('week', now()) - w * interval '1 week')) AS made
FROM cmms.partitioned_table() p, unnest(ARRAY[40, 20, 2]) w;
-- The name of a partition does not matter, its bounds do.
DO $$ BEGIN EXECUTE format('ALTER TABLE cmms.%I RENAME TO event_of_old', 'event_' || to_char(now() - interval '40 weeks', 'IYYY"w"IW')); END $$;
INSERT INTO cmms.event (tenant_id, event_type, provider_id, occurred_at)
SELECT 'default', 'sync.failed', 'plant_a', now() - d * interval '1 day' FROM unnest(ARRAY[282, 100, 60, 1]) d;
INSERT INTO cmms.sync_log (tenant_id, provider_id, direction, outcome, error_class, logged_at)
SELECT 'default', 'plant_a', 'push', CASE WHEN c.name IS NULL THEN 'synchronized' ELSE 'rejected' END, c.name, now() - d * interval '1 day'
FROM unnest(ARRAY[282, 200, 100, 60, 1]) d, unnest(ARRAY[NULL, 'validation']) c(name);
INSERT INTO cmms.audit_log (tenant_id, action, actor, at)
SELECT '*', 'test', 'bob', now() - d * interval '1 day' FROM unnest(ARRAY[282, 1100, 1000]) d;
INSERT INTO cmms.held_record (tenant_id, provider_id, resource, direction, source_record_id, reason, problems, document, webhook_event_id)
VALUES ('default', 'plant_a', 'work_order', 'inbound', '7', 'test', '[]', '{}', 9003);
INSERT INTO cmms.webhook_event (tenant_id, webhook_event_id, provider_id, body, outcome, http_status, processed_at, received_at)
SELECT 'default', n, 'plant_a', 'x', outcome, 200, CASE WHEN is_processed THEN now() END, now() - d * interval '1 day'
FROM (VALUES (9001, 'applied', true, 40), (9002, 'applied', true, 20), (9003, 'held', true, 400), (9004, 'held', true, 400), (9005, 'rejected', true, 100),
             (9006, 'failed', true, 200), (9007, 'applied', false, 100), (9008, 'queued', false, 200), (9009, 'duplicate', true, 31)) v(n, outcome, is_processed, d);
INSERT INTO cmms.conflict (tenant_id, provider_id, record_id, field, rule, winner, detected_at, resolved_at)
SELECT 'default', 'plant_a', gen_random_uuid(), 'title', 'manual', CASE WHEN r IS NOT NULL THEN 'hub' END, now() - interval '9 years', now() - r * interval '1 day'
FROM unnest(ARRAY[2000, 20, NULL]) r;
CREATE TEMPORARY TABLE removed AS SELECT * FROM cmms.apply_retention();
SELECT regexp_replace(relation, '\d{4}w\d\d$', '<week>') AS relation, action, sum(removed) AS removed, count(*) AS entries
FROM removed GROUP BY 1, 2 ORDER BY 1, 2;
SELECT 'event' AS log, NULL AS failed, array_agg(extract(day FROM now() - occurred_at) ORDER BY occurred_at) AS days_left FROM cmms.event WHERE provider_id = 'plant_a'
UNION ALL
SELECT 'sync_log', error_class IS NOT NULL, array_agg(extract(day FROM now() - logged_at) ORDER BY logged_at) FROM cmms.sync_log WHERE provider_id = 'plant_a' GROUP BY 2
UNION ALL
SELECT 'audit_log', NULL, array_agg(extract(day FROM now() - at) ORDER BY at) FROM cmms.audit_log WHERE action = 'test'
ORDER BY 1, 2;
SELECT webhook_event_id, outcome, processed_at IS NOT NULL AS processed FROM cmms.webhook_event WHERE webhook_event_id > 9000 ORDER BY 1;
SELECT resolved_at IS NOT NULL AS resolved FROM cmms.conflict WHERE provider_id = 'plant_a' ORDER BY 1;
-- Nothing is left to do.
SELECT count(*) FROM cmms.apply_retention();

-- A partition that something depends on stays, with a warning, and the others go.
SELECT count(pg_temp.make_week('event', date_trunc('week', now()) - w * interval '1 week')) AS made FROM unnest(ARRAY[60, 59]) w;
DO $$ BEGIN EXECUTE format('CREATE VIEW pg_temp.of_a_week AS SELECT FROM cmms.%I', 'event_' || to_char(now() - interval '60 weeks', 'IYYY"w"IW')); END $$;
SET LOCAL client_min_messages = error;
SELECT action, removed FROM cmms.apply_retention();
ROLLBACK;

-- In steps: each looks at some blocks only.
BEGIN;
INSERT INTO cmms.webhook_event (tenant_id, provider_id, body, outcome, http_status, processed_at, received_at)
SELECT 'default', 'plant_a', convert_to(repeat('x', 1000), 'UTF8'), 'applied', 200, now(), now() - interval '40 days' FROM generate_series(1, 1500);
WITH RECURSIVE run AS (
  SELECT 1 AS number, s.* FROM cmms.retention_step(NULL, NULL) s
  UNION ALL
  SELECT r.number + 1, s.* FROM run r CROSS JOIN LATERAL cmms.retention_step(r.step, r.block) s WHERE r.step IS NOT NULL)
SELECT relation, count(*) > 3 AS many_steps, max(removed) <= 1000 AS small, sum(removed) FROM run WHERE action = 'deleted' AND removed > 0 GROUP BY relation;
ROLLBACK;
-- Small rows: 1,000 in a step.
BEGIN;
INSERT INTO cmms.event (tenant_id, event_type, provider_id, occurred_at) SELECT 'default', 'sync.failed', 'plant_a', now() - interval '3 years' FROM generate_series(1, 2500);
WITH RECURSIVE run AS (
  SELECT s.* FROM cmms.retention_step(NULL, NULL) s
  UNION ALL
  SELECT s.* FROM run r CROSS JOIN LATERAL cmms.retention_step(r.step, r.block) s WHERE r.step IS NOT NULL)
SELECT relation, max(removed), sum(removed) FROM run WHERE action = 'deleted' AND removed > 0 GROUP BY relation;
ROLLBACK;

-- For the owner only.
SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'cmms'::regnamespace AND p.proname IN ('apply_retention', 'retention_step', 'delete_expired', 'drop_expired')
  AND EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0);
