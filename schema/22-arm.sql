-- The restore guard: a database sends only where somebody has armed it, so that a restored copy does not act beside its original.

-- No key: a dump brings its row along, next to one that is here, and any row that names another database disarms this one.
CREATE TABLE cmms.armed_database (
  system_identifier bigint NOT NULL,
  database_oid oid NOT NULL,
  place uuid,
  armed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  armed_by name NOT NULL DEFAULT cmms.calling_role()
);
COMMENT ON TABLE cmms.armed_database IS 'For which database the copy at hand may send: written by CREATE EXTENSION and cmms.arm, carried along by dumps and copies.';
COMMENT ON COLUMN cmms.armed_database.system_identifier IS 'System identifier of the server, as pg_control_system() gives it.';
COMMENT ON COLUMN cmms.armed_database.database_oid IS 'OID of the database.';
COMMENT ON COLUMN cmms.armed_database.place IS 'The data directory, as cmms.this_place() names it; null: armed by an older version, or without the library preloaded.';
COMMENT ON COLUMN cmms.armed_database.armed_at IS 'When it was armed.';
COMMENT ON COLUMN cmms.armed_database.armed_by IS 'Who armed it.';
CREATE TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cmms.armed_database
  FOR EACH STATEMENT EXECUTE FUNCTION cmms.configuration_changed();

CREATE FUNCTION cmms.this_place() RETURNS uuid
  AS 'MODULE_PATHNAME', 'cmms_this_place' LANGUAGE c STABLE;
COMMENT ON FUNCTION cmms.this_place() IS
'Name of the server''s data directory, from its file pg_cmms.place: a copy of the directory gets another one when it is started, a standby keeps that of its primary. Null where the library is not preloaded.';

CREATE FUNCTION cmms.is_this_place(place uuid) RETURNS boolean
  AS 'MODULE_PATHNAME', 'cmms_is_this_place' LANGUAGE c STABLE;
COMMENT ON FUNCTION cmms.is_this_place(uuid) IS
'Whether a database that was armed under this name of the data directory may send: the name is the directory''s own, or the directory never was a copy. True where the library is not preloaded.';

CREATE FUNCTION cmms.is_armed() RETURNS boolean
  STABLE LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(bool_and(a.system_identifier = s.system_identifier AND a.database_oid = d.oid AND cmms.is_this_place(a.place)), false)
  FROM cmms.armed_database a, pg_control_system() s, pg_database d WHERE d.datname = current_database()
$$;
COMMENT ON FUNCTION cmms.is_armed() IS 'Whether this database may send and poll: false in a restored or copied one, or a copy of the data directory, until cmms.arm().';

CREATE FUNCTION cmms.remember_database() RETURNS void
  LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM cmms.armed_database;
  INSERT INTO cmms.armed_database (system_identifier, database_oid, place)
  SELECT s.system_identifier, d.oid, cmms.this_place() FROM pg_control_system() s, pg_database d WHERE d.datname = current_database();
$$;
COMMENT ON FUNCTION cmms.remember_database() IS 'Writes down that this database is armed. Internal: for cmms.arm and CREATE EXTENSION.';

CREATE FUNCTION cmms.arm() RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT pg_has_role(cmms.calling_role(), (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_cmms'), 'USAGE') THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'must be owner of extension pg_cmms';
  END IF;
  IF NOT cmms.is_armed() THEN
    PERFORM cmms.remember_database();
    INSERT INTO cmms.audit_log (tenant_id, action, detail, actor) VALUES ('*', 'arm', '{}', cmms.calling_role());
    PERFORM cmms.wake_worker();
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.arm() IS
'Lets a restored or copied database send and poll: say it once the original does so no more. For superusers and the owner of the extension. Without effect on a database that is armed. SQLSTATE 42501: not the owner.';

-- The CREATE EXTENSION of a dump does not arm: the worker would send before the dump's own rows have arrived.
SELECT cmms.remember_database() WHERE NOT cmms.restoring();
