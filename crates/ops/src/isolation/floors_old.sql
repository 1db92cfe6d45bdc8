-- Floors of shared tables (which are all in public) that ask who the tenant is, and not which tenant has rows here; with what
-- brings each up to date. Whoever made them, the server prints the same text.
SELECT c.oid::pg_catalog.regclass::text,
       pg_catalog.format('ALTER POLICY %I ON %s USING (%s) WITH CHECK (%s)', p.polname, c.oid::pg_catalog.regclass, f.renewed, f.renewed)
  FROM pg_catalog.pg_policy p
  JOIN pg_catalog.pg_class c ON c.oid = p.polrelid AND c.relnamespace = 'public'::pg_catalog.regnamespace
 CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS text) e
 CROSS JOIN LATERAL (SELECT pg_catalog.regexp_replace(e.text,
         '^\((.+ = )(tenancy\.tenant_id\(\)|\( SELECT tenancy\.tenant_id\(\) AS tenant_id\))\)$',
         CASE WHEN e.text ~ 'SELECT' THEN '\1(SELECT tenancy.shared_tenant_id())' ELSE '\1tenancy.shared_tenant_id()' END)) AS f(renewed)
 WHERE p.polname = 'tenantry_floor' AND NOT p.polpermissive AND p.polcmd = '*'
   AND e.text = pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AND f.renewed <> e.text
 ORDER BY 1
