SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'an ' || CASE p.polcmd WHEN 'w' THEN 'UPDATE' ELSE 'unqualified DELETE' END || ' without WHERE reaches the rows of other tenants: USING (' || coalesce(p.seen, 'true') || ')' AS message,
       'use one policy FOR ALL, or ask for the tenant in this one too' AS hint,
       jsonb_build_object('command', p.polcmd, 'using', p.seen)::text AS facts,
       CASE WHEN usual.seen IS NOT NULL THEN ARRAY[format('ALTER POLICY %I ON %s USING (%s)', p.polname, p.ident,
         CASE WHEN coalesce(p.seen, 'true') = 'true' THEN usual.seen ELSE p.seen || ' AND ' || usual.seen END)] END AS fix
  FROM policies p
  LEFT JOIN usual ON usual.tenant_name = p.tenant_name
 WHERE p.model = 'shared' AND p.kind = 'tenant' AND p.polpermissive AND p.for_app AND p.relrowsecurity
   AND p.polcmd IN ('w', 'd') AND NOT coalesce(p.binds_seen, false) AND coalesce(p.seen, 'true') <> 'false'
   AND NOT EXISTS (SELECT FROM policies f WHERE f.table_oid = p.table_oid AND NOT f.polpermissive AND f.binds_seen
                     AND f.polroles = '{0}' AND f.polcmd IN ('*', p.polcmd))
