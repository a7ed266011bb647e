-- Descriptors: what a DBA writes is checked at once, and can be read at the prompt.

CREATE FUNCTION cmms.check_descriptor(provider_type text, descriptor jsonb) RETURNS void
  AS 'MODULE_PATHNAME', 'cmms_check_descriptor' LANGUAGE c IMMUTABLE STRICT;
COMMENT ON FUNCTION cmms.check_descriptor(text, jsonb) IS
'Reads a descriptor as a connection does: every member must be known, of the right type, and refer to what exists. SQLSTATE WO006: the message names the JSON path of what is wrong, or provider_type is not the descriptor''s own "type".';

-- Servers are asked too, but for rows shipped with the extension: an upgrade must not fail for the sake of one server's option.
CREATE FUNCTION cmms.provider_type_checked() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  used record;
  fault text;
BEGIN
  IF cmms.restoring() THEN
    RETURN NULL;
  END IF;
  PERFORM cmms.check_descriptor(n.provider_type, n.descriptor) FROM new_rows n;
  FOR used IN
    SELECT s.srvname::text AS server, n.provider_type
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'cmms'
    CROSS JOIN pg_options_to_table(s.srvoptions) o
    JOIN new_rows n ON n.provider_type = o.option_value AND NOT n.built_in
    WHERE o.option_name = 'type' ORDER BY 1
  LOOP
    BEGIN
      PERFORM cmms.provider_setting(used.server, 'type');
    EXCEPTION WHEN SQLSTATE 'WO006' THEN
      GET STACKED DIAGNOSTICS fault = MESSAGE_TEXT;
      RAISE EXCEPTION USING ERRCODE = 'WO006',
        MESSAGE = format('server "%s" does not fit the new descriptor of its type "%s"', used.server, used.provider_type),
        DETAIL = format('With it: %s.', fault),
        HINT = 'Change the server, its user mapping or its maps first. What they use must be in the descriptor until then; an option may be required only once they have it.';
    END;
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.provider_type_checked() IS
'Statement trigger of provider_type: refuses descriptors that cannot work, and those that a server of the type does not fit (SQLSTATE WO006).';
CREATE TRIGGER descriptor_checked_inserted AFTER INSERT ON cmms.provider_type
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.provider_type_checked();
CREATE TRIGGER descriptor_checked_updated AFTER UPDATE ON cmms.provider_type
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.provider_type_checked();

CREATE FUNCTION cmms.describe_provider(type text)
  RETURNS TABLE (kind text, resource text, name text, required boolean, default_value text, allowed text, description text)
  AS 'MODULE_PATHNAME', 'cmms_describe_provider' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.describe_provider(text) IS
'What a provider type takes and can do, in reading order: its options and credentials, how it authenticates and what session it needs, then for each resource the actions with their requests, the parameters that a create or update sends, the fields that are read, the aliases of fields for maps, and the events of webhooks with their signature. SQLSTATE WO006: no such type; the hint lists them.';
