SELECT t.nspname::text AS schema, t.relname::text AS place,
       'no policy lets ' || quote_ident(a.rolname) || ' do what it was granted: ' || string_agg(c.command, ', ' ORDER BY c.n) AS message,
       'write a policy FOR ALL, or revoke the privileges' AS hint,
       jsonb_build_object('role', a.rolname, 'commands', jsonb_agg(c.command ORDER BY c.n))::text AS facts
  FROM tables t CROSS JOIN apps a
 CROSS JOIN (VALUES (1, 'INSERT', 'a'), (2, 'UPDATE', 'w'), (3, 'DELETE', 'd')) c(n, command, letter)
 WHERE t.relrowsecurity AND has_table_privilege(a.oid, t.oid, c.command)
   AND EXISTS (SELECT FROM policies p WHERE p.table_oid = t.oid AND p.polpermissive AND p.for_app)
   AND NOT EXISTS (SELECT FROM policies p WHERE p.table_oid = t.oid AND p.polpermissive AND p.for_app AND p.polcmd IN ('*', c.letter::"char"))
 GROUP BY t.nspname, t.relname, a.rolname
