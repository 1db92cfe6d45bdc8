SELECT s.nspname::text AS schema, 'view ' || v.relname AS place,
       'it filters tenants itself and is no security barrier: a reader''s function sees the other rows first' AS message,
       'better than a barrier: row-level security on ' || min(t.ident) AS hint,
       jsonb_build_object('tables', jsonb_agg(DISTINCT t.ident))::text AS facts,
       ARRAY[format('ALTER VIEW %I.%I SET (security_barrier = true)', s.nspname, v.relname)] AS fix
  FROM spaces s JOIN pg_class v ON v.relnamespace = s.oid AND v.relkind = 'v'
  JOIN pg_rewrite w ON w.ev_class = v.oid
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
  JOIN rows_of_many t ON t.oid = d.refobjid AND NOT t.relrowsecurity
 WHERE pg_get_viewdef(v.oid) ~ ('WHERE .*' || t.tenant_name || '\)? = ')
   AND NOT coalesce((SELECT option_value::bool FROM pg_options_to_table(v.reloptions) WHERE option_name = 'security_barrier'), false)
   AND EXISTS (SELECT FROM apps a WHERE has_table_privilege(a.oid, v.oid, 'SELECT'))
 GROUP BY s.nspname, v.oid, v.relname
