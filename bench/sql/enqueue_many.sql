-- :rows orders in one statement, and the same rows into two plain tables with the same indexes: the orders, and a queue. Prints the medians
-- of five rounds each, in turn, in seconds.
CREATE TABLE peer.many_order (LIKE cmms.work_order INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
CREATE TABLE peer.many_queue (LIKE cmms.outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING IDENTITY);
CREATE PROCEDURE peer.enqueue_many(how_many integer, INOUT ours float8[] DEFAULT '{}', INOUT plain float8[] DEFAULT '{}') LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz;
BEGIN
  FOR round IN 1 .. 5 LOOP
    started := clock_timestamp();
    INSERT INTO cmms.work_order (provider_id, title, description, priority, asset_ref)
      SELECT 'queue', 'Order ' || n, 'Water leakage due to a blocked defrost drain', 'high', 'AST-' || n % 1000 FROM generate_series(1, how_many) n;
    COMMIT;
    ours := ours || extract(epoch FROM clock_timestamp() - started)::float8;
    started := clock_timestamp();
    WITH written AS (
      INSERT INTO peer.many_order (tenant_id, provider_id, title, description, priority, asset_ref)
      SELECT 'default', 'queue', 'Order ' || n, 'Water leakage due to a blocked defrost drain', 'high', 'AST-' || n % 1000
      FROM generate_series(1, how_many) n
      RETURNING tenant_id, common_work_order_id, provider_id)
    INSERT INTO peer.many_queue (tenant_id, record_id, provider_id, operation)
      SELECT tenant_id, common_work_order_id, provider_id, 'create' FROM written;
    COMMIT;
    plain := plain || extract(epoch FROM clock_timestamp() - started)::float8;
  END LOOP;
END
$$;
CALL peer.enqueue_many(:rows) \gset
SELECT round(percentile_disc(0.5) WITHIN GROUP (ORDER BY o)::numeric, 3) AS ours FROM unnest(:'ours'::float8[]) o \gset
SELECT round(percentile_disc(0.5) WITHIN GROUP (ORDER BY p)::numeric, 3) AS plain FROM unnest(:'plain'::float8[]) p \gset
SELECT :ours, :plain;
