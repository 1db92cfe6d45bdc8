SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'it lets rows of any tenant be written: ' || coalesce('WITH CHECK (' || p.checked || ')', 'it has no WITH CHECK') AS message,
       'check the tenant of what is written' AS hint,
       jsonb_build_object('command', p.polcmd, 'using', p.seen, 'check', p.checked)::text AS facts,
       CASE WHEN coalesce(CASE WHEN p.binds_seen THEN p.seen END, usual.seen) IS NOT NULL
            THEN ARRAY[format('ALTER POLICY %I ON %s WITH CHECK (%s)', p.polname, p.ident, coalesce(CASE WHEN p.binds_seen THEN p.seen END, usual.seen))] END AS fix
  FROM policies p
  LEFT JOIN usual ON usual.tenant_name = p.tenant_name
 WHERE p.model = 'shared' AND p.kind = 'tenant' AND p.polpermissive AND p.for_app AND p.relrowsecurity
   AND p.polcmd IN ('a', 'w', '*') AND NOT coalesce(p.binds_written, false) AND coalesce(p.written, 'true') <> 'false'
   AND (p.polcmd = 'a' OR p.checked IS NOT NULL)
   AND NOT EXISTS (SELECT FROM policies f WHERE f.table_oid = p.table_oid AND NOT f.polpermissive AND f.binds_written
                     AND f.polroles = '{0}' AND (f.polcmd = '*' OR f.polcmd = p.polcmd))
