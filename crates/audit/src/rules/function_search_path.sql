SELECT n.nspname::text AS schema, 'function ' || p.oid::regprocedure::text AS place,
       CASE WHEN path.value IS NULL THEN 'it is SECURITY DEFINER and looks names up along its caller''s search_path'
            ELSE 'it is SECURITY DEFINER, and pg_temp is searched first because its search_path does not name it' END AS message,
       CASE WHEN path.value IS NULL THEN 'warning' ELSE 'note' END AS severity,
       jsonb_build_object('search_path', path.value)::text AS facts,
       ARRAY[format('ALTER FUNCTION %s SET search_path = %s', p.oid::regprocedure,
         CASE WHEN coalesce(path.value, '') IN ('', '""') THEN concat_ws(', ', 'pg_catalog', CASE WHEN path.value IS NULL THEN quote_ident(n.nspname) END) ELSE path.value END || ', pg_temp')] AS fix
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  LEFT JOIN LATERAL (SELECT substr(c, 13) AS value FROM unnest(p.proconfig) c WHERE c LIKE 'search\_path=%') path ON true
 WHERE p.prosecdef AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'tenancy')
   AND (path.value IS NULL OR path.value !~ 'pg_temp' AND EXISTS (SELECT FROM apps a WHERE has_database_privilege(a.oid, current_database(), 'TEMPORARY')))
   AND pg_get_function_sqlbody(p.oid) IS NULL
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
