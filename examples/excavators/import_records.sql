-- The import, and where each row of the file went.

\timing on
CREATE TEMPORARY TABLE imported AS
SELECT i.* FROM (SELECT jsonb_agg(to_jsonb(s) ORDER BY "Line") AS records FROM excavator.staging s) f, cmms.import_records('excavator_log', f.records) i;
CREATE TEMPORARY TABLE again AS
SELECT i.* FROM (SELECT jsonb_agg(to_jsonb(s) ORDER BY "Line") AS records FROM excavator.staging s) f, cmms.import_records('excavator_log', f.records) i;
\timing off

SELECT i.outcome AS "Outcome", count(*) AS "Rows" FROM imported i GROUP BY i.outcome ORDER BY i.outcome;
SELECT i.source_record_id AS "Line held", i.detail AS "Why" FROM imported i WHERE i.outcome = 'held' ORDER BY i.ordinal;
SELECT w.work_type AS "Type", count(*) AS "Orders", sum(w.total_cost)::numeric(14,2) AS "Cost", count(*) FILTER (WHERE w.total_cost < 0) AS "Credits"
FROM cmms.work_order w GROUP BY w.work_type ORDER BY 2 DESC, 1;

CREATE TEMPORARY TABLE reconciliation AS
SELECT * FROM (VALUES
  (1, 'rows in the file', (SELECT count(*) FROM excavator.staging), NULL::bigint),
  (2, '  with an outcome, each once', (SELECT count(DISTINCT i.source_record_id) FROM imported i), (SELECT count(*) FROM excavator.staging)),
  (3, '  became orders', (SELECT count(*) FROM cmms.work_order), (SELECT count(*) FROM imported i WHERE i.outcome = 'created')),
  (4, '  held, with a reason', (SELECT count(*) FROM cmms.held_record h WHERE h.reason <> ''), (SELECT count(*) FROM imported i WHERE i.outcome = 'held')),
  (5, '  orders and held together', (SELECT count(*) FROM cmms.work_order) + (SELECT count(*) FROM cmms.held_record), (SELECT count(*) FROM excavator.staging)),
  (6, 'orders that repeat another, legally',
      (SELECT count(*) - count(DISTINCT (w.title, w.asset_ref, w.planned_start_at, w.work_type, w.total_cost)) FROM cmms.work_order w), NULL),
  (7, 'orders that differ from their row',
      (SELECT count(*) FROM cmms.work_order w JOIN excavator.staging s ON s."Line"::text = w.source_work_order_id
       WHERE (w.title, w.asset_ref, w.planned_start_at AT TIME ZONE 'UTC', w.total_cost)
         IS DISTINCT FROM (btrim(s."OriginalShorttext"), 'EXCAVATOR-' || s."Asset", s."BscStartDate"::timestamp, s."Cost"::numeric)), 0),
  (8, 'sum of their costs, in cents', (SELECT (sum(w.total_cost) * 100)::bigint FROM cmms.work_order w),
      (SELECT (sum(s."Cost"::numeric) * 100)::bigint FROM excavator.staging s WHERE s."Cost" ~ '^-?[0-9.]+$')),
  (9, 'rows with news when imported again', (SELECT count(*) FROM again a WHERE a.outcome NOT IN ('unchanged', 'held')), 0),
  (10, 'changes queued for a provider', (SELECT count(*) FROM cmms.outbox), 0)
) AS r (place, what, number, expected);

SELECT what AS "Reconciliation", number AS "Number", expected AS "Expected",
       CASE WHEN expected IS NULL THEN '' WHEN number = expected THEN 'ok' ELSE 'WRONG' END AS " "
FROM reconciliation ORDER BY place;

DO $$
BEGIN
  IF EXISTS (SELECT FROM reconciliation WHERE number <> expected) THEN
    RAISE EXCEPTION 'wrong: %', (SELECT string_agg(trim(what), ', ' ORDER BY place) FROM reconciliation WHERE number <> expected);
  END IF;
END
$$;
