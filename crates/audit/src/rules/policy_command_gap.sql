, commands(n, command, letter) AS (VALUES (1, 'INSERT', 'a'), (2, 'UPDATE', 'w'), (3, 'DELETE', 'd')),
covered AS MATERIALIZED (
  SELECT DISTINCT p.table_oid, c.letter FROM policies p JOIN commands c ON p.polcmd IN ('*', c.letter::"char") WHERE p.polpermissive AND p.for_app)
SELECT t.nspname::text AS schema, t.relname::text AS place,
       'no policy lets ' || quote_ident(a.rolname) || ' do what it was granted: ' || string_agg(c.command, ', ' ORDER BY c.n) AS message,
       'write a policy FOR ALL, or revoke the privileges' AS hint,
       jsonb_build_object('role', a.rolname, 'commands', jsonb_agg(c.command ORDER BY c.n))::text AS facts
  FROM tables t CROSS JOIN apps a CROSS JOIN commands c
 WHERE t.relrowsecurity AND has_table_privilege(a.oid, t.oid, c.command)
   AND t.oid IN (SELECT p.table_oid FROM policies p WHERE p.polpermissive AND p.for_app)
   AND (t.oid, c.letter) NOT IN (SELECT v.table_oid, v.letter FROM covered v)
 GROUP BY t.nspname, t.relname, a.rolname
