SELECT p.nspname::text AS schema, p.relname::text AS place,
       'its tenant policy is permissive: any further permissive policy would be added to it with OR' AS message,
       'add a restrictive policy for everybody that asks for the tenant' AS hint,
       jsonb_build_object('policies', count(*))::text AS facts,
       CASE WHEN max(p.seen) FILTER (WHERE p.binds_seen AND p.polcmd = '*') IS NOT NULL
            THEN ARRAY[format('CREATE POLICY tenant_floor ON %s AS RESTRICTIVE USING (%s) WITH CHECK (%2$s)', p.ident, max(p.seen) FILTER (WHERE p.binds_seen AND p.polcmd = '*'))] END AS fix
  FROM policies p
 WHERE p.model = 'shared' AND p.kind = 'tenant' AND p.polpermissive AND p.relrowsecurity
   AND p.table_oid NOT IN (SELECT f.table_oid FROM floors f)
   AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = p.table_oid)
 GROUP BY p.nspname, p.relname, p.ident
