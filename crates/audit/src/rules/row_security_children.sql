SELECT t.nspname::text AS schema, t.relname::text AS place,
       CASE WHEN NOT t.relrowsecurity THEN 'row-level security is off on this child of ' ELSE 'row-level security is not forced on this child of ' END
         || i.inhparent::regclass::text AS message,
       CASE WHEN t.relrowsecurity THEN 'warning' WHEN reach.role IS NULL THEN 'warning' ELSE 'error' END AS severity,
       jsonb_build_object('parent', i.inhparent::regclass::text, 'reached_by', reach.role)::text AS facts,
       array_remove(ARRAY[
         CASE WHEN NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid) AND usual.seen IS NOT NULL
              THEN format('CREATE POLICY tenant ON %s USING (%s) WITH CHECK (%2$s)', t.ident, usual.seen) END,
         CASE WHEN NOT t.relrowsecurity THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.ident) END,
         format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t.ident)], NULL) AS fix
  FROM rows_of_many t JOIN pg_inherits i ON i.inhrelid = t.oid
  LEFT JOIN LATERAL (SELECT a.rolname AS role FROM apps a
                      WHERE has_table_privilege(a.oid, t.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1 LIMIT 1) reach ON true
  LEFT JOIN usual ON usual.tenant_name = t.tenant_name
 WHERE NOT (t.relrowsecurity AND t.relforcerowsecurity) AND NOT (SELECT (g->>'ours')::bool FROM given)
