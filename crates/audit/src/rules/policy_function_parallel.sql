SELECT n.nspname::text AS schema, 'function ' || f.oid::regprocedure::text AS place,
       'it is PARALLEL UNSAFE, and policies of ' || count(DISTINCT p.table_oid) || ' tables call it: none of their queries gets a parallel plan' AS message,
       jsonb_build_object('tables', count(DISTINCT p.table_oid))::text AS facts,
       CASE WHEN f.provolatile <> 'v' THEN ARRAY[format('ALTER FUNCTION %s PARALLEL RESTRICTED', f.oid::regprocedure)] END AS fix
  FROM policies p
  JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass
  JOIN pg_proc f ON f.oid = d.refobjid JOIN pg_namespace n ON n.oid = f.pronamespace
 WHERE f.proparallel = 'u' GROUP BY n.nspname, f.oid, f.provolatile
