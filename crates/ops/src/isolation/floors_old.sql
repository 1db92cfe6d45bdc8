-- Floors of shared tables (which are all in public) that ask who the tenant is, and not which tenant has rows here, or that ask it
-- anew for each row that is written; with what brings each up to date. Whoever made them, the server prints the same text.
SELECT c.oid::pg_catalog.regclass::text,
       pg_catalog.format('ALTER POLICY %I ON %s USING (%s) WITH CHECK (%s)', p.polname, c.oid::pg_catalog.regclass, f.seen, f.written)
  FROM pg_catalog.pg_policy p
  JOIN pg_catalog.pg_class c ON c.oid = p.polrelid AND c.relnamespace = 'public'::pg_catalog.regnamespace
 CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS seen,
                            pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS written) e
 CROSS JOIN LATERAL pg_catalog.regexp_match(e.seen,
         '^\(([a-z0-9_$]+|"(?:[^"]|"")+") = (?:(tenancy\.(?:shared_)?tenant_id\(\))|\( SELECT tenancy\.(?:shared_)?tenant_id\(\) AS (?:shared_)?tenant_id\))\)$') AS m(part)
 CROSS JOIN LATERAL (SELECT pg_catalog.format('(%s = ( SELECT tenancy.shared_tenant_id() AS shared_tenant_id))', m.part[1]) AS written) w
 CROSS JOIN LATERAL (SELECT CASE WHEN m.part[2] IS NULL THEN w.written
                                 ELSE pg_catalog.format('(%s = tenancy.shared_tenant_id())', m.part[1]) END AS seen, w.written) f
 WHERE p.polname = 'tenantry_floor' AND NOT p.polpermissive AND p.polcmd = '*' AND m.part IS NOT NULL
   AND e.written IN (e.seen, f.written) AND (e.seen, e.written) IS DISTINCT FROM (f.seen, f.written)
 ORDER BY 1
