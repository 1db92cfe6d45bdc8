SELECT t.nspname::text AS schema, t.relname::text AS place,
       CASE WHEN reach.role IS NULL THEN 'row-level security does not bind the owner, ' || quote_ident(o.rolname)
            ELSE 'row-level security does not bind the owner, ' || quote_ident(o.rolname) || ', whom ' || quote_ident(reach.role) || ' is or can become' END AS message,
       CASE WHEN reach.role IS NULL THEN 'warning' ELSE 'error' END AS severity,
       jsonb_build_object('owner', o.rolname, 'reached_by', reach.role)::text AS facts,
       format('SELECT relforcerowsecurity, relowner::regrole FROM pg_class WHERE oid = %L::regclass', t.ident) AS proof,
       ARRAY[format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t.ident)] AS fix
  FROM rows_of_many t JOIN pg_roles o ON o.oid = t.relowner
  LEFT JOIN LATERAL (SELECT a.rolname AS role FROM apps a WHERE pg_has_role(a.oid, t.relowner, 'MEMBER') ORDER BY 1 LIMIT 1) reach ON true
 WHERE t.relrowsecurity AND NOT t.relforcerowsecurity AND NOT (SELECT (g->>'ours')::bool FROM given)
