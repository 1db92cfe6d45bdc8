SELECT t.nspname::text AS schema, t.relname::text AS place,
       quote_ident(a.rolname) || ' has ' || string_agg(DISTINCT x.privilege_type, ', ') || ' on it' AS message,
       jsonb_build_object('role', a.rolname, 'privileges', jsonb_agg(DISTINCT x.privilege_type))::text AS facts,
       array_agg(DISTINCT format('REVOKE %s ON %s FROM %s', x.privilege_type, t.ident, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)) AS fix
  FROM tables t CROSS JOIN LATERAL aclexplode(t.relacl) x
  JOIN apps a ON CASE WHEN x.grantee = 0 THEN true ELSE pg_has_role(a.oid, x.grantee, 'USAGE') END AND t.relowner <> a.oid AND NOT a.rolsuper
 WHERE x.privilege_type IN ('REFERENCES', 'TRIGGER', 'MAINTAIN') AND x.grantee <> t.relowner AND t.kind IN ('tenant', 'derived') AND t.model <> 'database'
 GROUP BY t.nspname, t.relname, a.rolname
