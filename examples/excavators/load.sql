-- Lines become orders, or rejects with their reason. Line 1 is the header.

CREATE TEMPORARY TABLE parsed AS
SELECT line_no, text, fields, excavator.problems(fields) AS reason
FROM (SELECT line_no, text, excavator.csv_fields(text) AS fields FROM excavator.line WHERE line_no > 1) l;

INSERT INTO excavator.excavator_reject SELECT line_no, text, reason FROM parsed WHERE reason IS NOT NULL;

INSERT INTO excavator.excavator_order (order_no, machine, asset_no, start_date, short_text, order_type, cost)
SELECT line_no, fields[2], m.asset_no, fields[1]::date, fields[3], fields[4], fields[5]::numeric
FROM parsed JOIN excavator.machine m ON m.machine = fields[2]
WHERE reason IS NULL
ORDER BY line_no;
