SELECT s.nspname::text AS schema, c.relname::text AS place, 'PUBLIC has ' || string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) || ' on it' AS message,
       CASE WHEN bool_or(t.kind IN ('tenant', 'derived')) AND NOT c.relrowsecurity THEN 'error' WHEN t.kind = 'global' THEN 'note' ELSE 'warning' END AS severity,
       jsonb_build_object('privileges', jsonb_agg(x.privilege_type))::text AS facts,
       ARRAY[format('REVOKE ALL ON %I.%I FROM PUBLIC', s.nspname, c.relname)] AS fix
  FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  LEFT JOIN tables t ON t.oid = c.oid
 CROSS JOIN LATERAL aclexplode(c.relacl) x
 WHERE x.grantee = 0 GROUP BY s.nspname, c.relname, c.relrowsecurity, t.kind
