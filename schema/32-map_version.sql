-- Versions of a provider's maps: each transaction that changes field_map or value_map makes one, whole, so that what was
-- applied under it can be explained later and an old one can be restored.

CREATE TABLE cmms.map_version (
  provider_id text NOT NULL,
  map_version integer NOT NULL CHECK (map_version > 0),
  field_map jsonb NOT NULL,
  value_map jsonb NOT NULL,
  restored_from integer,
  made_by name NOT NULL,
  made_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  transaction_id xid8,
  PRIMARY KEY (provider_id, map_version)
);
COMMENT ON TABLE cmms.map_version IS 'The field and value map of each provider, as they were after each transaction that changed them. The highest version is in use; a provider without rows here works with the defaults of its type (version 0).';
COMMENT ON COLUMN cmms.map_version.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.map_version.map_version IS 'Number of the version, from 1 for each provider.';
COMMENT ON COLUMN cmms.map_version.field_map IS 'The rows of cmms.field_map, without provider_id.';
COMMENT ON COLUMN cmms.map_version.value_map IS 'The rows of cmms.value_map, without provider_id.';
COMMENT ON COLUMN cmms.map_version.restored_from IS 'The version that cmms.restore_map_version brought back, if it was made so.';
COMMENT ON COLUMN cmms.map_version.made_by IS 'Role on whose behalf the maps were changed.';
COMMENT ON COLUMN cmms.map_version.made_at IS 'Start of the transaction that changed them.';
COMMENT ON COLUMN cmms.map_version.transaction_id IS 'That transaction: its further changes belong to the same version. After a restore its number says nothing, hence made_at is compared too.';

CREATE FUNCTION cmms.make_map_version(provider_id text) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH last AS (
    SELECT coalesce(max(v.map_version), 0) AS map_version,
           coalesce(max(v.map_version) FILTER (WHERE v.transaction_id = pg_current_xact_id() AND v.made_at = now()), 0) AS ours
    FROM cmms.map_version v WHERE v.provider_id = make_map_version.provider_id)
  INSERT INTO cmms.map_version AS v (provider_id, map_version, field_map, value_map, made_by, transaction_id)
  SELECT make_map_version.provider_id, CASE WHEN last.ours > 0 THEN last.ours ELSE last.map_version + 1 END,
         (SELECT coalesce(jsonb_agg(to_jsonb(f) - 'provider_id' ORDER BY f.resource, f.direction, f.position, f.target), '[]')
          FROM cmms.field_map f WHERE f.provider_id = make_map_version.provider_id),
         (SELECT coalesce(jsonb_agg(to_jsonb(m) - 'provider_id' ORDER BY m.resource, m.vocabulary, m.direction, m.source_value), '[]')
          FROM cmms.value_map m WHERE m.provider_id = make_map_version.provider_id),
         cmms.calling_role(), pg_current_xact_id()
  FROM last
  ON CONFLICT (provider_id, map_version) DO UPDATE SET field_map = excluded.field_map, value_map = excluded.value_map;
$$;
COMMENT ON FUNCTION cmms.make_map_version(text) IS
'Keeps a provider''s maps as they are now: as a new version, or in the version that this transaction has made already. Called by the triggers of field_map and value_map. SQLSTATE 23505: another transaction is changing the same provider''s maps.';

-- One trigger for each event, because each has other transition tables.
CREATE FUNCTION cmms.map_changed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF cmms.restoring() THEN
    RETURN NULL;
  END IF;
  CASE TG_OP
    WHEN 'INSERT' THEN
      PERFORM cmms.make_map_version(p.provider_id) FROM (SELECT DISTINCT n.provider_id FROM new_rows n) p;
    WHEN 'DELETE' THEN
      PERFORM cmms.make_map_version(p.provider_id) FROM (SELECT DISTINCT o.provider_id FROM old_rows o) p;
    ELSE
      PERFORM cmms.make_map_version(p.provider_id)
      FROM (SELECT n.provider_id FROM new_rows n UNION SELECT o.provider_id FROM old_rows o) p;
  END CASE;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.map_changed() IS 'Statement trigger of field_map and value_map: makes a version of the maps of each provider concerned.';

CREATE TRIGGER map_inserted AFTER INSERT ON cmms.field_map
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.map_changed();
CREATE TRIGGER map_updated AFTER UPDATE ON cmms.field_map
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.map_changed();
CREATE TRIGGER map_deleted AFTER DELETE ON cmms.field_map
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.map_changed();
CREATE TRIGGER map_inserted AFTER INSERT ON cmms.value_map
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.map_changed();
CREATE TRIGGER map_updated AFTER UPDATE ON cmms.value_map
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.map_changed();
CREATE TRIGGER map_deleted AFTER DELETE ON cmms.value_map
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.map_changed();

CREATE FUNCTION cmms.restore_map_version(provider_id text, map_version integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  kept cmms.map_version;
  made integer;
BEGIN
  PERFORM cmms.require_server_owner(restore_map_version.provider_id);
  SELECT v.* INTO kept FROM cmms.map_version v
  WHERE v.provider_id = restore_map_version.provider_id AND v.map_version = restore_map_version.map_version;
  IF NOT FOUND AND restore_map_version.map_version <> 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found',
      MESSAGE = format('provider "%s" has no map version %s', restore_map_version.provider_id, restore_map_version.map_version),
      HINT = format('Its versions are 0 to %s; see cmms.map_version.',
                    (SELECT coalesce(max(v.map_version), 0) FROM cmms.map_version v WHERE v.provider_id = restore_map_version.provider_id));
  END IF;

  DELETE FROM cmms.field_map f WHERE f.provider_id = restore_map_version.provider_id;
  DELETE FROM cmms.value_map m WHERE m.provider_id = restore_map_version.provider_id;
  INSERT INTO cmms.field_map
  SELECT (jsonb_populate_record(NULL::cmms.field_map, r || jsonb_build_object('provider_id', kept.provider_id))).*
  FROM jsonb_array_elements(kept.field_map) r;
  INSERT INTO cmms.value_map
  SELECT (jsonb_populate_record(NULL::cmms.value_map, r || jsonb_build_object('provider_id', kept.provider_id))).*
  FROM jsonb_array_elements(kept.value_map) r;

  UPDATE cmms.map_version v SET restored_from = restore_map_version.map_version
  WHERE v.provider_id = restore_map_version.provider_id AND v.transaction_id = pg_current_xact_id() AND v.made_at = now()
  RETURNING v.map_version INTO made;
  RETURN coalesce(made, 0);  -- 0: there was nothing to change
END
$$;
COMMENT ON FUNCTION cmms.restore_map_version(text, integer) IS
'Brings a provider''s field and value map back as they were in a version (0: the defaults of its type) and returns the number of the version that this makes (0: there was nothing to change). For the owner of the foreign server. SQLSTATEs: WO001 no such server, P0002 no such version, 42501 not the owner.';
