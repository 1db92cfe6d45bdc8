SELECT s.nspname::text AS schema, 'view ' || v.relname AS place,
       'it reads ' || string_agg(DISTINCT t.ident, ', ') || ' with the rights of ' || quote_ident(o.rolname)
         || CASE WHEN o.rolsuper OR o.rolbypassrls THEN ', whom no policy binds' WHEN bool_or(t.relowner = o.oid AND NOT t.relforcerowsecurity) THEN ', who owns tables without FORCE' ELSE '' END AS message,
       CASE WHEN (o.rolsuper OR o.rolbypassrls OR bool_or(t.relowner = o.oid AND NOT t.relforcerowsecurity))
             AND EXISTS (SELECT FROM apps a WHERE has_table_privilege(a.oid, v.oid, 'SELECT, INSERT, UPDATE, DELETE')) THEN 'error' ELSE 'warning' END AS severity,
       jsonb_build_object('owner', o.rolname, 'readers', (SELECT jsonb_agg(a.rolname) FROM apps a WHERE has_table_privilege(a.oid, v.oid, 'SELECT')))::text AS facts,
       ARRAY[format('ALTER VIEW %I.%I SET (security_invoker = true)', s.nspname, v.relname)] AS fix
  FROM spaces s JOIN pg_class v ON v.relnamespace = s.oid AND v.relkind = 'v' JOIN pg_roles o ON o.oid = v.relowner
  JOIN pg_rewrite w ON w.ev_class = v.oid
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
  JOIN rows_of_many t ON t.oid = d.refobjid
 WHERE NOT coalesce((SELECT option_value::bool FROM pg_options_to_table(v.reloptions) WHERE option_name = 'security_invoker'), false)
   AND NOT (SELECT (g->>'ours')::bool FROM given)
 GROUP BY s.nspname, v.oid, v.relname, o.oid, o.rolname, o.rolsuper, o.rolbypassrls
