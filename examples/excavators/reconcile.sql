-- Both sides compared. provider_pushed and provider_now are the provider's orders after the push and at the end, provider_write its
-- ledger of writes; variable first_echo_seq is the ledger's length when the provider's own changes began.

CREATE TEMPORARY TABLE linked AS
SELECT o.order_no, o.short_text, o.asset_no, w.common_work_order_id::text AS reference, w.source_work_order_id, w.title,
       w.common_status, w.sync_state
FROM excavator.excavator_order o
LEFT JOIN cmms.row_link l ON l.provider_id = 'excavators' AND l.map_name = 'order' AND l.row_key = o.order_no::text
LEFT JOIN cmms.work_order w ON w.tenant_id = l.tenant_id AND w.common_work_order_id = l.common_work_order_id;

CREATE TEMPORARY TABLE pushed AS
SELECT document ->> 'id' AS id, document ->> 'reference' AS reference, document ->> 'title' AS title,
       document #>> '{asset,id}' AS asset_no, document ->> 'description' AS description
FROM excavator.provider_pushed;

CREATE TEMPORARY TABLE now_there AS
SELECT document ->> 'id' AS id, document ->> 'title' AS title, document #>> '{status,name}' AS status FROM excavator.provider_now;

CREATE TEMPORARY TABLE created AS
SELECT (regexp_match(document #>> '{written,text}', '.*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'))[1] AS reference,
       count(*) AS times
FROM excavator.provider_write WHERE document #>> '{written,kind}' = 'create' GROUP BY 1;

ANALYZE linked, pushed, now_there, created;

CREATE TEMPORARY TABLE reconciliation AS
SELECT * FROM (VALUES
  (1, 'rows in the file', (SELECT count(*) FROM excavator.line WHERE line_no > 1), NULL::bigint),
  (2, '  rejected, with a reason', (SELECT count(*) FROM excavator.excavator_reject), NULL),
  (3, '  repeated rows, legal', (SELECT count(*) - count(DISTINCT text) FROM excavator.line WHERE line_no > 1), NULL),
  (4, 'orders in the application''s table', (SELECT count(*) FROM excavator.excavator_order),
      (SELECT count(*) FROM excavator.line WHERE line_no > 1) - (SELECT count(*) FROM excavator.excavator_reject)),
  (5, 'orders at the provider', (SELECT count(*) FROM pushed), (SELECT count(*) FROM excavator.excavator_order)),
  (6, '  there exactly once, under the recorded id',
      (SELECT count(*) FROM linked l JOIN pushed p ON p.id = l.source_work_order_id AND p.reference = l.reference
       JOIN created c ON c.reference = l.reference AND c.times = 1),
      (SELECT count(*) FROM excavator.excavator_order)),
  (7, '  missing', (SELECT count(*) FROM linked l WHERE NOT EXISTS (SELECT FROM pushed p WHERE p.reference = l.reference)), 0),
  (8, '  doubled', (SELECT count(*) FROM created WHERE times > 1 OR reference IS NULL), 0),
  (9, '  altered on the way',
      (SELECT count(*) FROM linked l JOIN pushed p ON p.reference = l.reference
       WHERE (p.title, p.asset_no) IS DISTINCT FROM (l.short_text, l.asset_no)
          OR position('Line ' || l.order_no || ' of the excavator log' IN p.description) <> 1), 0),
  (10, 'changed at the provider',
      (SELECT count(*) FROM now_there n JOIN pushed p ON p.id = n.id WHERE n.title <> p.title), :changes),
  (11, '  changes back in the database',
      (SELECT count(*) FROM now_there n JOIN pushed p ON p.id = n.id JOIN linked l ON l.source_work_order_id = n.id
       WHERE n.title <> p.title AND l.title = n.title AND l.common_status = 'in_progress' AND l.sync_state = 'synchronized'), :changes),
  (12, '  echoed to the provider',
      (SELECT count(*) FROM excavator.provider_write WHERE (document ->> 'seq')::int > :first_echo_seq), 0),
  (13, 'orders that differ in the end',
      (SELECT count(*) FROM linked l LEFT JOIN now_there n ON n.id = l.source_work_order_id WHERE n.title IS DISTINCT FROM l.title), 0)
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
