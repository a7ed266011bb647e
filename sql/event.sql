-- Events: one for each order that changed, and one notification for each statement, provider and type.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'A'), ('plant_a', 'B'), ('plant_b', 'C');
UPDATE cmms.work_order SET priority = 'high' WHERE provider_id = 'plant_a';
UPDATE cmms.work_order SET common_status = CASE title WHEN 'A' THEN 'completed' ELSE 'in_progress' END WHERE provider_id = 'plant_a';
UPDATE cmms.work_order SET common_status = 'closed' WHERE title = 'A';
UPDATE cmms.work_order SET source_status = 'Open';
DELETE FROM cmms.work_order WHERE title = 'C';
SELECT event_type, tenant_id, provider_id, resource, detail FROM cmms.event ORDER BY event_id;
-- Nothing happened, nothing is told.
UPDATE cmms.work_order SET priority = 'low' WHERE title = 'no such order';
SELECT count(*) FROM cmms.event;
ROLLBACK;

-- Partitions: made ahead by the week, and never in the way of rows that are there already.
BEGIN;
SET LOCAL client_min_messages = warning;
DO $$
DECLARE partition regclass;
BEGIN
  FOR partition IN SELECT i.inhrelid FROM cmms.partitioned_table() p JOIN pg_inherits i ON i.inhparent = ('cmms.' || p.name)::regclass
                   WHERE i.inhrelid::regclass::text NOT LIKE '%_default' LOOP
    EXECUTE 'DROP TABLE ' || partition;
  END LOOP;
END
$$;
INSERT INTO cmms.event (tenant_id, event_type, provider_id, occurred_at) VALUES ('default', 'sync.failed', 'plant_a', now() + interval '1 week');
SELECT cmms.maintain_partitions(3) = 11 AS made;
SELECT cmms.maintain_partitions(3) AS made_again;
INSERT INTO cmms.event (tenant_id, event_type, provider_id, occurred_at)
SELECT 'default', 'sync.failed', 'plant_a', date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + n * interval '7 days' FROM generate_series(1, 3) n;
SELECT tableoid = 'cmms.event_default'::regclass AS in_default, count(*) FROM cmms.event GROUP BY 1 ORDER BY 1;
-- A partition has its own key, and no rights for anybody.
SELECT count(*) = count(*) FILTER (WHERE i.indisprimary) AS keyed FROM pg_inherits h JOIN pg_index i ON i.indrelid = h.inhrelid WHERE h.inhparent = 'cmms.event'::regclass;
SELECT count(*) FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE h.inhparent = 'cmms.event'::regclass AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0);
ROLLBACK;
