SELECT p.nspname::text AS schema, p.relname::text AS place,
       count(*) || ' permissive policies are for the same role and command, joined by OR: ' || string_agg(quote_ident(p.polname), ', ' ORDER BY p.polname) AS message,
       'make one of them, or add a restrictive policy that asks for the tenant' AS hint,
       jsonb_build_object('policies', jsonb_agg(p.polname ORDER BY p.polname))::text AS facts
  FROM policies p CROSS JOIN unnest(ARRAY['r', 'a', 'w', 'd']) c(command)
 WHERE p.model = 'shared' AND p.kind = 'tenant' AND p.polpermissive AND p.for_app AND p.polcmd IN ('*', c.command::"char")
   AND NOT EXISTS (SELECT FROM floors f WHERE f.table_oid = p.table_oid)
   AND c.command = (SELECT d.command FROM unnest(ARRAY['r', 'a', 'w', 'd']) WITH ORDINALITY d(command, n)
                     WHERE (SELECT count(*) FROM policies q WHERE q.table_oid = p.table_oid AND q.polpermissive AND q.for_app AND q.polcmd IN ('*', d.command::"char")) > 1
                     ORDER BY n LIMIT 1)
 GROUP BY p.nspname, p.relname, p.table_oid HAVING count(*) > 1
