SELECT 'tenancy' AS schema, 'function ' || p.oid::regprocedure::text AS place,
       CASE WHEN o.rolname <> 'tenantry_context' THEN 'it belongs to ' || quote_ident(o.rolname) || ', not to the role of the context'
            ELSE 'PUBLIC or the application may execute it' END AS message,
       'run `tenantry cluster add` again: it makes the core whole' AS hint,
       jsonb_build_object('owner', o.rolname)::text AS facts,
       CASE WHEN o.rolname = 'tenantry_context' THEN ARRAY[format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', p.oid::regprocedure)]
         || ARRAY(SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM %I', p.oid::regprocedure, a.rolname) FROM apps a WHERE has_function_privilege(a.oid, p.oid, 'EXECUTE')) END AS fix
  FROM pg_proc p JOIN pg_roles o ON o.oid = p.proowner
 WHERE p.pronamespace = to_regnamespace('tenancy')
   AND (o.rolname <> 'tenantry_context'
     OR (p.proname NOT IN ('tenant_id', 'shared_tenant_id', 'version', 'challenge', 'rechallenge', 'enter', 'leave', 'admit', 'begin_copy', 'session_state', 'wal_position', 'visible_scopes', 'own_scope', 'writable_scopes', 'scope_within') AND (has_function_privilege('public', p.oid, 'EXECUTE')
         OR EXISTS (SELECT FROM apps a WHERE has_function_privilege(a.oid, p.oid, 'EXECUTE')))))
   AND NOT EXISTS (SELECT FROM pg_description d WHERE d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass AND d.description LIKE 'tenantry:%')
UNION ALL
SELECT 'tenancy', 'tenancy.' || c.relname, 'the application may read or write it', 'run `tenantry cluster add` again: it makes the core whole',
       jsonb_build_object('roles', jsonb_agg(a.rolname))::text,
       ARRAY[format('REVOKE ALL ON %s FROM PUBLIC, %s', c.oid::regclass, string_agg(quote_ident(a.rolname), ', '))]
  FROM pg_class c JOIN apps a ON has_table_privilege(a.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
 WHERE c.relnamespace = to_regnamespace('tenancy') AND c.relkind = 'r' AND c.relname IN ('core', 'keys', 'gate', 'schema_version')
 GROUP BY c.oid, c.relname
