SELECT t.nspname::text AS schema, t.relname::text AS place,
       CASE WHEN own.n > 0 THEN 'row-level security is off, so its ' || own.n || ' policies do nothing'
            ELSE 'row-level security is off: whoever may read the table reads the rows of every tenant' END AS message,
       CASE WHEN own.n = 0 AND usual.seen IS NULL
            THEN 'write a policy that compares ' || quote_ident(t.tenant_name) || ' with the tenant context, then enable and force row-level security' END AS hint,
       jsonb_build_object('relrowsecurity', false, 'policies', own.n, 'readers', (SELECT jsonb_agg(a.rolname) FROM apps a WHERE has_table_privilege(a.oid, t.oid, 'SELECT')))::text AS facts,
       format('SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %L::regclass', t.ident) AS proof,
       CASE WHEN own.n = 0 AND usual.seen IS NULL THEN NULL ELSE array_remove(ARRAY[
         CASE WHEN own.n = 0 THEN format('CREATE POLICY tenant ON %s USING (%s) WITH CHECK (%2$s)', t.ident, usual.seen) END,
         CASE WHEN own.n = 0 THEN format('CREATE POLICY tenant_floor ON %s AS RESTRICTIVE USING (%s) WITH CHECK (%2$s)', t.ident, usual.seen) END,
         format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.ident),
         CASE WHEN NOT t.relforcerowsecurity THEN format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t.ident) END], NULL) END AS fix
  FROM rows_of_many t
 CROSS JOIN LATERAL (SELECT count(*) AS n FROM pg_policy p WHERE p.polrelid = t.oid) own
  LEFT JOIN usual ON usual.tenant_name = t.tenant_name
 WHERE NOT t.relrowsecurity AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.oid)
   AND NOT (SELECT (g->>'ours')::bool FROM given)
