-- What is written into the maps is checked at once: a rule that cannot work must not show at the next record.

CREATE FUNCTION cmms.check_field_map(provider_id text) RETURNS void
  AS 'MODULE_PATHNAME', 'cmms_check_field_map' LANGUAGE c STRICT;
COMMENT ON FUNCTION cmms.check_field_map(text) IS
'Compiles a provider''s field map as it is now: paths, transforms, time zones, SQL functions, columns. Nothing where there is no such foreign server yet. SQLSTATE WO006: a rule cannot work; the message names it.';

CREATE FUNCTION cmms.field_map_checked() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT cmms.restoring() THEN
    PERFORM cmms.check_field_map(p.provider_id) FROM (SELECT DISTINCT n.provider_id FROM new_rows n) p;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.field_map_checked() IS 'Statement trigger of field_map: refuses rules that cannot work (SQLSTATE WO006).';
CREATE TRIGGER field_checked_inserted AFTER INSERT ON cmms.field_map
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.field_map_checked();
CREATE TRIGGER field_checked_updated AFTER UPDATE ON cmms.field_map
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.field_map_checked();

CREATE FUNCTION cmms.value_map_checked() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong record;
BEGIN
  IF cmms.restoring() THEN
    RETURN NULL;
  END IF;
  SELECT h.vocabulary, h.word, h.words INTO wrong
  FROM (SELECT n.vocabulary, CASE n.direction WHEN 'outbound' THEN n.source_value ELSE n.target_value END AS word,
               CASE WHEN n.vocabulary = 'priority' THEN (SELECT array_agg(p.name ORDER BY p.sort_order) FROM cmms.priority p)
                    ELSE (SELECT array_agg(s.name ORDER BY s.sort_order) FROM cmms.common_status s) END AS words
        FROM new_rows n
        WHERE n.vocabulary IN ('status', 'event_status', 'priority')
          AND (n.direction <> 'outbound' OR n.match <> 'default')) h
  WHERE h.word <> ALL (h.words) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'WO005',
      MESSAGE = format('"%s" is not a value of the hub''s vocabulary "%s"', wrong.word, wrong.vocabulary),
      HINT = format('Valid values are: %s.', array_to_string(wrong.words, ', '));
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cmms.value_map_checked() IS 'Statement trigger of value_map: refuses statuses and priorities that the hub does not know (SQLSTATE WO005).';
CREATE TRIGGER value_checked_inserted AFTER INSERT ON cmms.value_map
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.value_map_checked();
CREATE TRIGGER value_checked_updated AFTER UPDATE ON cmms.value_map
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cmms.value_map_checked();
