SELECT s.nspname::text AS schema, 'foreign table ' || c.relname AS place,
       CASE WHEN readers.names IS NULL THEN 'row-level security cannot be enabled on it' ELSE readers.names || ' may use it, and row-level security cannot be enabled on it' END AS message,
       CASE WHEN readers.names IS NULL THEN 'note' ELSE 'error' END AS severity,
       'read it through a security-barrier view that asks for the tenant, or copy what is needed' AS hint,
       jsonb_build_object('server', f.srvname, 'readers', readers.names)::text AS facts,
       CASE WHEN readers.names IS NOT NULL THEN ARRAY[format('REVOKE ALL ON %I.%I FROM PUBLIC, %s', s.nspname, c.relname, readers.names)] END AS fix
  FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind = 'f' JOIN pg_foreign_table t ON t.ftrelid = c.oid
  JOIN pg_foreign_server f ON f.oid = t.ftserver
 CROSS JOIN LATERAL (SELECT string_agg(quote_ident(a.rolname), ', ' ORDER BY a.rolname) AS names FROM apps a
                      WHERE has_table_privilege(a.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE')) readers
 WHERE EXISTS (SELECT FROM tables)
