SELECT s.nspname::text AS schema, 'view ' || v.relname AS place,
       CASE WHEN readers.names IS NULL THEN 'it holds rows of ' || string_agg(DISTINCT t.ident, ', ') || ' of all tenants; the application may not read it, and erasing a tenant does not reach it'
            ELSE readers.names || ' reads rows of ' || string_agg(DISTINCT t.ident, ', ') || ' of all tenants in it' END AS message,
       CASE WHEN readers.names IS NULL THEN 'note' ELSE 'error' END AS severity,
       'make it a view, a table that a job fills for each tenant, or read it through a security-barrier view' AS hint,
       jsonb_build_object('readers', readers.names)::text AS facts,
       CASE WHEN readers.names IS NOT NULL THEN ARRAY[format('REVOKE ALL ON %I.%I FROM PUBLIC, %s', s.nspname, v.relname, readers.names)] END AS fix
  FROM spaces s JOIN pg_class v ON v.relnamespace = s.oid AND v.relkind = 'm' JOIN pg_rewrite w ON w.ev_class = v.oid
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
  JOIN rows_of_many t ON t.oid = d.refobjid
 CROSS JOIN LATERAL (SELECT string_agg(quote_ident(a.rolname), ', ' ORDER BY a.rolname) AS names FROM apps a WHERE has_table_privilege(a.oid, v.oid, 'SELECT')) readers
 GROUP BY s.nspname, v.oid, v.relname, readers.names
