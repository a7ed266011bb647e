-- Work orders by ordinary DML.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, priority, asset_ref) VALUES ('plant_a', 'Freezer 3 leaks', 'high', 'AST-001');
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_b', 'Belt slips');
SELECT tenant_id, provider_id, title, common_status, priority, sync_state, source_work_order_id, metadata, created_at = now() AS now
FROM cmms.work_order ORDER BY title DESC;

-- Ids grow from row to row: version 7, variant 10.
INSERT INTO cmms.work_order (provider_id, title) SELECT 'plant_a', 'Row ' || n FROM generate_series(1, 5000) n;
SELECT count(DISTINCT o.common_work_order_id), bool_and(o.common_work_order_id > o.previous) AS grow,
       bool_and(o.common_work_order_id::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$') AS are_version_7,
       bool_and(abs(('x' || left(replace(o.common_work_order_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0 - extract(epoch FROM clock_timestamp())) < 60) AS are_of_now
FROM (SELECT common_work_order_id, lag(common_work_order_id) OVER (ORDER BY split_part(title, ' ', 2)::integer) AS previous
      FROM cmms.work_order WHERE title LIKE 'Row %') o;
DELETE FROM cmms.work_order WHERE title LIKE 'Row %';

-- The tenant is the provider's.
SELECT * FROM raised($$INSERT INTO cmms.work_order (provider_id, title, tenant_id) VALUES ('plant_a', 'x', 'acme')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.work_order (provider_id, title) VALUES ('nowhere', 'x')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.work_order (title) VALUES ('x')$$);
SELECT state, hint FROM raised($$UPDATE cmms.work_order SET provider_id = 'plant_b' WHERE provider_id = 'plant_a'$$);
SELECT state FROM raised($$UPDATE cmms.work_order SET common_work_order_id = gen_random_uuid()$$);
SELECT state FROM raised($$UPDATE cmms.work_order SET tenant_id = 'other'$$);

-- Values.
SELECT s.statement, r.state, r.message FROM (VALUES
  (1, $$title = ''$$), (2, $$title = repeat('x', 1001)$$), (3, $$currency = 'eur'$$), (4, $$nte_currency = 'EURO'$$),
  (5, $$total_cost = 'NaN'$$), (6, $$labor_cost = 'Infinity'$$), (7, $$total_cost = 1e15$$), (8, $$metadata = '[]'$$),
  (9, $$priority = 'urgent'$$), (10, $$sync_state = 'lost'$$), (11, $$source_work_order_id = ''$$),
  (12, $$title = repeat('ü', 1000), currency = 'EUR', total_cost = -12.5, metadata = '{"a": 1}'$$)) AS s(n, statement),
  raised('UPDATE cmms.work_order SET ' || s.statement) AS r ORDER BY s.n;
SELECT state FROM raised($$TRUNCATE cmms.work_order$$);

-- updated_at moves with business columns only; such a change waits to be sent.
UPDATE cmms.work_order SET updated_at = '2000-01-01', sync_state = 'synchronized';
UPDATE cmms.work_order SET last_error = 'x' WHERE provider_id = 'plant_a';
UPDATE cmms.work_order SET description = 'y' WHERE provider_id = 'plant_b';
SELECT provider_id, updated_at = now() AS moved, sync_state FROM cmms.work_order ORDER BY 1;

-- One source id, one order; the same id at another provider is another order.
UPDATE cmms.work_order SET source_work_order_id = '1126';
SELECT state FROM raised($$INSERT INTO cmms.work_order (provider_id, title, source_work_order_id) VALUES ('plant_a', 'x', '1126')$$);
ROLLBACK;
