-- The application's side: a schema that knows nothing of pg_cmms.

CREATE SCHEMA excavator;

-- The file as it is, line by line: what cannot be read as a row is still there to be looked at.
CREATE TABLE excavator.line (
  line_no int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  text text NOT NULL
);

-- The machines of the file, with the number of each one's asset in the maintenance system.
CREATE TABLE excavator.machine (
  machine text PRIMARY KEY,
  asset_no text NOT NULL
);
INSERT INTO excavator.machine VALUES ('A', '101'), ('B', '102'), ('C', '103'), ('D', '104'), ('E', '105');

CREATE TABLE excavator.excavator_order (
  order_no int PRIMARY KEY,                       -- the line in the file: its 358 repeated rows are orders of their own
  machine text NOT NULL REFERENCES excavator.machine,
  asset_no text NOT NULL,
  start_date date NOT NULL,
  short_text text NOT NULL,
  order_type text NOT NULL,
  cost numeric(12,2) NOT NULL,
  note text GENERATED ALWAYS AS ('Line ' || order_no || ' of the excavator log') STORED
);

CREATE TABLE excavator.excavator_reject (
  line_no int PRIMARY KEY,
  text text NOT NULL,
  reason text NOT NULL
);

-- A line's fields by the rules of RFC 4180; null when its quotes do not make sense.
-- A backslash is an ordinary character there, and stays one.
CREATE FUNCTION excavator.csv_fields(line text) RETURNS text[]
  IMMUTABLE STRICT LANGUAGE sql AS $$
  SELECT CASE WHEN sum(length(field) + 1) = length(line) + 1 THEN
           array_agg(CASE WHEN field LIKE '"%' THEN replace(substr(field, 2, length(field) - 2), '""', '"') ELSE field END ORDER BY place)
         END
  FROM (SELECT m[1] AS field, place FROM regexp_matches(line || ',', '("(?:[^"]|"")*"|[^",]*),', 'g') WITH ORDINALITY AS found (m, place)) f
$$;

-- What is wrong with a row; null when nothing is.
CREATE FUNCTION excavator.problems(fields text[]) RETURNS text
  STABLE LANGUAGE plpgsql AS $$
DECLARE
  found text[] := '{}';
BEGIN
  IF fields IS NULL THEN
    RETURN 'unbalanced quotes';
  ELSIF cardinality(fields) <> 5 THEN
    RETURN format('%s fields instead of 5', cardinality(fields));
  END IF;
  BEGIN
    IF fields[1] !~ '^\d{4}-\d\d-\d\d$' THEN
      found := found || format('start date "%s" is not of the form YYYY-MM-DD', fields[1]);
    ELSE
      PERFORM fields[1]::date;
    END IF;
  EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
    found := found || format('start date "%s" does not exist', fields[1]);
  END;
  IF NOT EXISTS (SELECT FROM excavator.machine m WHERE m.machine = fields[2]) THEN
    found := found || format('machine "%s" is unknown', fields[2]);
  END IF;
  IF btrim(fields[3]) = '' THEN
    found := found || 'short text is empty'::text;
  END IF;
  IF fields[4] !~ '^PM\d\d$' THEN
    found := found || format('order type "%s" is not of the form PMnn', fields[4]);
  END IF;
  IF fields[5] !~ '^-?\d{1,10}(\.\d+)?$' THEN  -- corrections are negative
    found := found || format('cost "%s" is not an amount', fields[5]);
  END IF;
  RETURN nullif(array_to_string(found, '; '), '');
END
$$;
