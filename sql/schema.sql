-- Rules that every object of the schema must keep. Each query lists the offenders: none. The weekly partitions, whose names depend on
-- the day, are made later and are no members of the extension; they are left out where that matters.

-- Everything has a comment.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'cmms'::regnamespace AND c.relkind IN ('r', 'v', 'p') AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'cmms'::regnamespace AND c.relkind IN ('r', 'v', 'p') AND NOT c.relispartition
  AND col_description(c.oid, a.attnum) IS NULL
ORDER BY 1, a.attnum;
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'cmms'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;

-- Functions with the owner's rights fix their search path, and PUBLIC may call nothing but a default.
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'cmms'::regnamespace AND p.prosecdef
  AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false);
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'cmms'::regnamespace AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))
  AND p.oid <> 'cmms.uuidv7()'::regprocedure;
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'cmms'::regnamespace AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0);
SELECT a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'cmms' AND a.grantee = 0;

-- Tables of tenants have row-level security, and the tenant first in their key.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'cmms'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT c.relrowsecurity
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id');
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relnamespace = 'cmms'::regnamespace AND c.relkind = 'r' AND c.relname <> 'provider' AND i.indkey[0] IS DISTINCT FROM a.attnum;

-- A dump keeps every table and sequence but those with shipped rows only and the run-time state.
SELECT c.relname FROM pg_class c, pg_extension e
WHERE c.relnamespace = 'cmms'::regnamespace AND c.relkind IN ('r', 'S') AND e.extname = 'pg_cmms' AND c.oid <> ALL (e.extconfig)
  AND NOT (c.relispartition AND c.relname ~ '_\d{4}w\d\d$')
ORDER BY 1;

-- Nothing of the extension is left out of it.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'cmms'::regnamespace AND c.relkind IN ('r', 'v', 'p')
  AND NOT (c.relispartition AND c.relname ~ '_\d{4}w\d\d$')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');
