-- What the other tests need: the extension, three providers that nobody talks to, and a way to show errors whole.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_cmms CASCADE;
DROP SCHEMA IF EXISTS cmms;
RESET client_min_messages;
-- With the coming weeks' partitions in the same commit, so that a sync worker finds none to make while the tests run.
BEGIN;
CREATE EXTENSION pg_cmms;
SELECT cmms.maintain_partitions() > 0 AS made;
COMMIT;

CREATE SERVER plant_a FOREIGN DATA WRAPPER cmms
  OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9/api/v1', entity_id '12');
CREATE SERVER plant_b FOREIGN DATA WRAPPER cmms
  OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9/api/v1', entity_id '13', tenant 'acme');
CREATE SERVER hub_c FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9');

CREATE FUNCTION raised(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  message := 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;
