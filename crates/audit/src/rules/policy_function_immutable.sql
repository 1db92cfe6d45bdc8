SELECT n.nspname::text AS schema, 'function ' || f.oid::regprocedure::text AS place,
       'policies call it, it is IMMUTABLE and it reads the session: a plan that is kept shows the rows of the tenant it was made for' AS message,
       jsonb_build_object('tables', count(DISTINCT p.table_oid), 'language', (SELECT lanname FROM pg_language WHERE oid = f.prolang))::text AS facts,
       ARRAY[format('ALTER FUNCTION %s STABLE', f.oid::regprocedure)] AS fix
  FROM policies p
  JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass
  JOIN pg_proc f ON f.oid = d.refobjid JOIN pg_namespace n ON n.oid = f.pronamespace
 WHERE f.provolatile = 'i'
   AND coalesce(pg_get_function_sqlbody(f.oid), f.prosrc) ~* '(current_setting|current_user|session_user|current_role|auth\.|tenant_id\(|tenant\(\))'
 GROUP BY n.nspname, f.oid, f.prolang
