SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'it shows rows whatever their tenant: USING (' || coalesce(p.seen, 'true') || ')' AS message,
       'ask for the tenant in it, or add one restrictive policy for everybody that does' AS hint,
       jsonb_build_object('command', p.polcmd, 'using', p.seen)::text AS facts,
       format('SELECT polname, polpermissive, polcmd, pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = %L::regclass', p.ident) AS proof,
       CASE WHEN usual.seen IS NOT NULL THEN ARRAY[format('CREATE POLICY tenant_floor ON %s AS RESTRICTIVE USING (%s) WITH CHECK (%2$s)', p.ident, usual.seen)] END AS fix
  FROM policies p
  LEFT JOIN usual ON usual.tenant_name = p.tenant_name
 WHERE p.model = 'shared' AND p.kind = 'tenant' AND p.polpermissive AND p.for_app AND p.relrowsecurity
   AND p.polcmd IN ('r', '*') AND NOT coalesce(p.binds_seen, false) AND coalesce(p.seen, 'true') <> 'false'
   AND NOT EXISTS (SELECT FROM policies f WHERE f.table_oid = p.table_oid AND NOT f.polpermissive AND f.binds_seen
                     AND f.polroles = '{0}' AND f.polcmd IN ('*', 'r'))
