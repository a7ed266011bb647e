\echo Use "CREATE EXTENSION cmms_boundary" to load this file. \quit

CREATE FUNCTION boundary.fail(kind text) RETURNS void
  AS 'MODULE_PATHNAME', 'boundary_fail' LANGUAGE c STRICT;
CREATE FUNCTION boundary.kinds() RETURNS SETOF text
  AS 'MODULE_PATHNAME', 'boundary_kinds' LANGUAGE c;

-- What must be the same before and after any number of errors.
CREATE FUNCTION boundary.live_objects() RETURNS bigint
  AS 'MODULE_PATHNAME', 'boundary_live_objects' LANGUAGE c;
CREATE FUNCTION boundary.resident_kilobytes() RETURNS bigint
  AS 'MODULE_PATHNAME', 'boundary_resident_kilobytes' LANGUAGE c;
CREATE FUNCTION boundary.context_kilobytes() RETURNS bigint
  AS 'MODULE_PATHNAME', 'boundary_context_kilobytes' LANGUAGE c;
CREATE FUNCTION boundary.exception_stack() RETURNS bigint
  AS 'MODULE_PATHNAME', 'boundary_exception_stack' LANGUAGE c;

CREATE FUNCTION boundary.fail_in_subtransactions(kind text, times integer) RETURNS text
  AS 'MODULE_PATHNAME', 'boundary_fail_in_subtransactions' LANGUAGE c STRICT;
CREATE FUNCTION boundary.run_subtransaction(sql text) RETURNS text
  AS 'MODULE_PATHNAME', 'boundary_run_subtransaction' LANGUAGE c STRICT;
CREATE FUNCTION boundary.fail_in_transactions(times integer) RETURNS void
  AS 'MODULE_PATHNAME', 'boundary_fail_in_transactions' LANGUAGE c STRICT;
CREATE FUNCTION boundary.transaction_in_transaction() RETURNS void
  AS 'MODULE_PATHNAME', 'boundary_transaction_in_transaction' LANGUAGE c;

-- The worker of fail_in_transactions() reports here.
CREATE TABLE boundary.worker_report (kind text, times integer, outcome text);

-- Traps an error of the kind many times, and says whether it was the same each time and left nothing behind.
CREATE FUNCTION boundary.repeat_failure(kind text, times integer,
  OUT trapped integer, OUT sqlstates text, OUT messages text, OUT details text, OUT hints text, OUT left_behind text)
LANGUAGE plpgsql AS $$
DECLARE
  warm_up constant integer := 500;
  seen text[] := '{}';
  parts text[];
  error_detail text;
  error_hint text;
  stack bigint := boundary.exception_stack();
  contexts bigint;
  resident bigint;
BEGIN
  trapped := 0;
  FOR i IN 1 .. warm_up + times LOOP
    IF i = warm_up + 1 THEN
      contexts := boundary.context_kilobytes();
      resident := boundary.resident_kilobytes();
      trapped := 0;
    END IF;
    BEGIN
      PERFORM boundary.fail(kind);
    EXCEPTION WHEN OTHERS OR query_canceled THEN
      trapped := trapped + 1;
      GET STACKED DIAGNOSTICS error_detail = PG_EXCEPTION_DETAIL, error_hint = PG_EXCEPTION_HINT;
      parts := ARRAY[SQLSTATE, SQLERRM, error_detail, error_hint];
      IF NOT seen @> ARRAY[parts::text] THEN
        seen := seen || parts::text;
      END IF;
    END;
  END LOOP;
  contexts := boundary.context_kilobytes() - contexts;
  resident := boundary.resident_kilobytes() - resident;
  SELECT string_agg(DISTINCT (s::text[])[1], '|'), string_agg(DISTINCT (s::text[])[2], '|'),
         string_agg(DISTINCT (s::text[])[3], '|'), string_agg(DISTINCT (s::text[])[4], '|')
    INTO sqlstates, messages, details, hints FROM unnest(seen) AS s;
  left_behind := concat_ws(', ',
    CASE WHEN boundary.live_objects() <> 0 THEN boundary.live_objects() || ' objects' END,
    CASE WHEN contexts > 512 THEN contexts || ' kB in memory contexts' END,
    CASE WHEN resident > 1024 THEN resident || ' kB of memory' END,
    CASE WHEN stack <> boundary.exception_stack() THEN 'another exception stack' END);
  left_behind := coalesce(nullif(left_behind, ''), 'nothing');
END
$$;

CREATE FUNCTION boundary.json_text(document jsonb) RETURNS text
  AS 'MODULE_PATHNAME', 'boundary_json_text' LANGUAGE c STRICT;
CREATE FUNCTION boundary.json_walk(document jsonb) RETURNS text
  AS 'MODULE_PATHNAME', 'boundary_json_walk' LANGUAGE c STRICT;
CREATE FUNCTION boundary.json_member(document jsonb, name text) RETURNS text
  AS 'MODULE_PATHNAME', 'boundary_json_member' LANGUAGE c STRICT;
CREATE FUNCTION boundary.json_wrong_access(document jsonb) RETURNS text
  AS 'MODULE_PATHNAME', 'boundary_json_wrong_access' LANGUAGE c STRICT;
CREATE FUNCTION boundary.json_parse(bytes bytea) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'boundary_json_parse' LANGUAGE c STRICT;

CREATE FUNCTION boundary.round_trip(OUT place integer, OUT type text, OUT value text) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'boundary_round_trip' LANGUAGE c;
CREATE FUNCTION boundary.text_parameter(bytes bytea, lossy boolean) RETURNS text
  AS 'MODULE_PATHNAME', 'boundary_text_parameter' LANGUAGE c STRICT;
CREATE FUNCTION boundary.misuse(what text) RETURNS void
  AS 'MODULE_PATHNAME', 'boundary_misuse' LANGUAGE c STRICT;
CREATE FUNCTION boundary.count_rows(forget boolean) RETURNS bigint
  AS 'MODULE_PATHNAME', 'boundary_count_rows' LANGUAGE c STRICT;
