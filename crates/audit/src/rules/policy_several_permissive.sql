SELECT DISTINCT ON (p.table_oid) p.nspname::text AS schema, p.relname::text AS place,
       count(*) || ' permissive policies are for the same role and command, joined by OR: ' || string_agg(quote_ident(p.polname), ', ' ORDER BY p.polname) AS message,
       'make one of them, or add a restrictive policy that asks for the tenant' AS hint,
       jsonb_build_object('policies', jsonb_agg(p.polname ORDER BY p.polname))::text AS facts
  FROM policies p CROSS JOIN unnest(ARRAY['r', 'a', 'w', 'd']) WITH ORDINALITY c(command, n)
 WHERE p.model = 'shared' AND p.kind = 'tenant' AND p.polpermissive AND p.for_app AND p.polcmd IN ('*', c.command::"char")
   AND p.table_oid NOT IN (SELECT f.table_oid FROM floors f)
 GROUP BY p.nspname, p.relname, p.table_oid, c.command, c.n HAVING count(*) > 1
 ORDER BY p.table_oid, c.n
