SELECT n.nspname::text AS schema, 'function ' || p.oid::regprocedure::text AS place,
       'it runs as ' || quote_ident(o.rolname) || CASE WHEN o.rolsuper THEN ', a superuser' WHEN o.rolbypassrls THEN ', which has BYPASSRLS'
         WHEN loose.n > 0 THEN ', which owns ' || loose.n || ' tables without FORCE' ELSE ', past policies that are for the application''s role' END AS message,
       CASE WHEN o.rolsuper OR o.rolbypassrls OR loose.n > 0 THEN 'error' ELSE 'note' END AS severity,
       'make it SECURITY INVOKER, or give it to a role that the policies bind' AS hint,
       jsonb_build_object('owner', o.rolname, 'callers', (SELECT jsonb_agg(a.rolname) FROM apps a WHERE has_function_privilege(a.oid, p.oid, 'EXECUTE')))::text AS facts,
       CASE WHEN o.rolsuper OR o.rolbypassrls OR loose.n > 0 THEN ARRAY[format('ALTER FUNCTION %s SECURITY INVOKER', p.oid::regprocedure)] END AS fix
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
 CROSS JOIN LATERAL (SELECT count(*) AS n FROM rows_of_many t WHERE t.relowner = p.proowner AND NOT t.relforcerowsecurity) loose
 WHERE p.prosecdef AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'tenancy') AND p.prorettype <> 'trigger'::regtype
   AND EXISTS (SELECT FROM apps a WHERE has_function_privilege(a.oid, p.oid, 'EXECUTE') AND has_schema_privilege(a.oid, n.oid, 'USAGE'))
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
   AND EXISTS (SELECT FROM rows_of_many)
