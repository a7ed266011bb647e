-- The extension leaves nothing behind, and can come back.
SET client_min_messages = warning;
DROP EXTENSION pg_cmms CASCADE;
SELECT count(*) FROM pg_class WHERE relnamespace = 'cmms'::regnamespace;
SELECT count(*) FROM pg_proc WHERE pronamespace = 'cmms'::regnamespace;
CREATE EXTENSION pg_cmms;
DROP EXTENSION pg_cmms;
-- A schema that somebody else owns is not used. How the server names the place in the script differs between versions.
\set SHOW_CONTEXT never
CREATE ROLE regress_cmms_intruder;
ALTER SCHEMA cmms OWNER TO regress_cmms_intruder;
CREATE EXTENSION pg_cmms;
DROP SCHEMA cmms;
DROP ROLE regress_cmms_intruder;
CREATE EXTENSION pg_cmms;
DROP EXTENSION pg_cmms;
DROP SCHEMA cmms;
