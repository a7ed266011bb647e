\echo Use "CREATE EXTENSION pg_cmms" to load this file. \quit

-- Foundation: the schema is checked before anything is put into it, and the small helpers that every area uses.
-- Conventions of all fragments: CREATE without OR REPLACE, names qualified, SECURITY DEFINER with a pinned search_path.

-- CREATE EXTENSION makes schema cmms if it does not exist. One that somebody else owns could be used to slip objects in.
DO $$
DECLARE
  schema_owner name;
BEGIN
  SELECT pg_catalog.pg_get_userbyid(n.nspowner) INTO schema_owner FROM pg_catalog.pg_namespace n WHERE n.nspname = 'cmms';
  IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = schema_owner) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = pg_catalog.format('schema cmms is owned by %s', schema_owner),
      HINT = 'Drop it or give it to a superuser, then run CREATE EXTENSION again.';
  END IF;
END
$$;

CREATE FUNCTION cmms.change_origin() RETURNS text
  AS 'MODULE_PATHNAME', 'cmms_change_origin' LANGUAGE c STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION cmms.change_origin() IS
'Who makes the change at hand: "local" (a user or application), "provider" (pg_cmms applies news of a provider) or "worker" (the sync worker records a result). Only "local" changes are checked against the lifecycle and pushed.';

CREATE FUNCTION cmms.uuidv7() RETURNS uuid
  AS 'MODULE_PATHNAME', 'cmms_uuidv7' LANGUAGE c VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION cmms.uuidv7() IS
'A new UUID of version 7 (RFC 9562), as PostgreSQL 18''s own function makes it: greater than all that the session has made before, so that records which are made together lie together in the indexes. The default of records'' ids. SQLSTATE: XX000 the system has no random numbers.';

CREATE FUNCTION cmms.wake_worker() RETURNS void
  AS 'MODULE_PATHNAME', 'cmms_wake_worker' LANGUAGE c;
COMMENT ON FUNCTION cmms.wake_worker() IS
'Wakes the sync worker of this database when the current transaction commits. Does nothing where the library is not preloaded.';

-- pg_dump's scripts set exactly this pair, and nobody else has a reason to. A restored row is kept as it was: not checked,
-- not queued, not reported as an event. Inlined by the planner, so it costs next to nothing per row.
CREATE FUNCTION cmms.restoring() RETURNS boolean
  STABLE LANGUAGE sql
  RETURN pg_catalog.current_setting('check_function_bodies') OPERATOR(pg_catalog.=) 'off'
     AND pg_catalog.current_setting('row_security') OPERATOR(pg_catalog.=) 'off';
COMMENT ON FUNCTION cmms.restoring() IS
'True while a pg_dump script is being restored (check_function_bodies and row_security both off). Triggers then keep rows as they were dumped.';

-- current_user names the owner inside a SECURITY DEFINER function; the one who calls is the role set by SET ROLE, else the login.
CREATE FUNCTION cmms.calling_role() RETURNS name
  STABLE LANGUAGE sql
  RETURN CASE pg_catalog.current_setting('role') WHEN 'none' THEN session_user
         ELSE pg_catalog.current_setting('role')::name END;
COMMENT ON FUNCTION cmms.calling_role() IS
'The role on whose behalf the session acts: the one of SET ROLE, otherwise the login role. Used inside SECURITY DEFINER functions for permission checks and history.';
