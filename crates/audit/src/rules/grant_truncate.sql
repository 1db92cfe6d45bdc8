SELECT t.nspname::text AS schema, t.relname::text AS place, quote_ident(a.rolname) || ' may TRUNCATE it, for all tenants at once' AS message,
       jsonb_build_object('role', a.rolname)::text AS facts,
       format('SELECT has_table_privilege(%L, %L, ''TRUNCATE'')', a.rolname, t.ident) AS proof,
       ARRAY(SELECT format('REVOKE TRUNCATE ON %s FROM %s', t.ident, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
               FROM aclexplode(t.relacl) x WHERE x.privilege_type = 'TRUNCATE' AND x.grantee <> t.relowner
                AND CASE WHEN x.grantee = 0 THEN true ELSE pg_has_role(a.oid, x.grantee, 'USAGE') END) AS fix
  FROM tables t JOIN apps a ON has_table_privilege(a.oid, t.oid, 'TRUNCATE') AND t.relowner <> a.oid AND NOT a.rolsuper
 WHERE t.kind IN ('tenant', 'derived') AND t.model = 'shared'
