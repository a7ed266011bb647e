-- All that CREATE EXTENSION pg_cmms makes, object by object: kind, name, definition. Two databases with the same rows have the same schema.
-- Dropped columns leave no trace here, nor does the order in which objects were made, nor what PostgreSQL 17 and 18 have added: rows' and
-- arrays' types are members there, and partitions have their parent's identity. One JSON array for each object.
SET search_path = pg_catalog;
CREATE FUNCTION pg_temp.rows_of(relation regclass) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT to_jsonb(r) - ''updated_at'' FROM ONLY %s r', relation);
END
$$;
WITH member AS (
  SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_cmms'),
relation AS (
  SELECT c.* FROM pg_class c JOIN member m ON m.objid = c.oid AND m.classid = 'pg_class'::regclass),
-- An empty list of rights and none at all are the same where the owner is the only one who has any.
rights AS (
  SELECT 'relation' AS kind, r.oid::regclass::text AS name, a.* FROM relation r CROSS JOIN aclexplode(r.relacl) a
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, a.* FROM pg_proc p JOIN member m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
  CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a)
SELECT json_build_array(o.kind, o.name, o.definition) FROM (
SELECT 'object' AS kind, i.type || ' ' || i.identity AS name, obj_description(m.objid, m.classid::regclass::name) AS definition
FROM member m CROSS JOIN pg_identify_object(m.classid, m.objid, 0) i
LEFT JOIN pg_type t ON t.oid = m.objid AND m.classid = 'pg_type'::regclass LEFT JOIN pg_class of ON of.oid = t.typrelid
WHERE t.oid IS NULL OR t.typelem = 0 AND coalesce(of.relkind = 'c', true)
UNION ALL
SELECT 'relation', r.oid::regclass::text,
       concat_ws(' ', r.relkind, r.relpersistence, r.relrowsecurity, r.relforcerowsecurity, r.reloptions::text, pg_get_partkeydef(r.oid))
FROM relation r
UNION ALL
SELECT 'column', format('%s.%s', r.oid::regclass, a.attname),
       concat_ws(' ', (SELECT count(*) FROM pg_attribute o WHERE o.attrelid = r.oid AND o.attnum <= a.attnum AND o.attnum > 0 AND NOT o.attisdropped),
                 format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END, CASE WHEN NOT r.relispartition THEN nullif(a.attidentity, '') END, nullif(a.attgenerated, ''),
                 a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid), col_description(r.oid, a.attnum))
FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
WHERE r.relkind <> 'S'
UNION ALL
SELECT 'sequence', s.seqrelid::regclass::text, concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmax, s.seqcycle, s.seqcache)
FROM pg_sequence s JOIN relation r ON r.oid = s.seqrelid
UNION ALL
SELECT 'constraint', format('%s %s', coalesce(nullif(c.conrelid, 0)::regclass::text, c.contypid::regtype::text), c.conname), pg_get_constraintdef(c.oid)
FROM pg_constraint c
WHERE c.contype <> 'n' AND (c.conrelid IN (SELECT r.oid FROM relation r) OR c.contypid IN (SELECT m.objid FROM member m WHERE m.classid = 'pg_type'::regclass))
UNION ALL
SELECT 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN relation r ON r.oid = i.indrelid
UNION ALL
SELECT 'trigger', format('%s %s', r.oid::regclass, t.tgname), concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))
FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'event trigger', e.evtname, concat_ws(' ', e.evtevent, e.evtfoid::regprocedure, e.evtenabled, e.evttags::text)
FROM pg_event_trigger e JOIN member m ON m.objid = e.oid AND m.classid = 'pg_event_trigger'::regclass
UNION ALL
SELECT 'policy', format('%s %s', r.oid::regclass, p.polname),
       concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[]::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
UNION ALL
SELECT 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid)
FROM pg_proc p JOIN member m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
UNION ALL
SELECT 'view', r.oid::regclass::text, pg_get_viewdef(r.oid) FROM relation r WHERE r.relkind = 'v'
UNION ALL
SELECT 'type', t.oid::regtype::text, concat_ws(' ', t.typtype, format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault)
FROM pg_type t JOIN member m ON m.objid = t.oid AND m.classid = 'pg_type'::regclass WHERE t.typtype IN ('d', 'e')
UNION ALL
SELECT 'right', concat_ws(' ', a.kind, a.name), string_agg(format('%s to %s', a.privilege_type, coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')), ', ' ORDER BY 1)
FROM rights a WHERE a.grantee <> a.grantor GROUP BY 2
UNION ALL
SELECT 'dumped', k.name::regclass::text, k.condition
FROM pg_extension e CROSS JOIN unnest(e.extconfig, e.extcondition) AS k(name, condition) WHERE e.extname = 'pg_cmms'
UNION ALL
-- Where and when the extension was made, and what its worker keeps, differ from database to database.
SELECT 'row', r.oid::regclass::text, w::text FROM relation r CROSS JOIN pg_temp.rows_of(r.oid) w
WHERE r.relkind = 'r' AND r.relname <> 'armed_database' AND r.relname NOT LIKE 'audit\_log%') o
ORDER BY o.kind COLLATE "C", o.name COLLATE "C", o.definition COLLATE "C";
