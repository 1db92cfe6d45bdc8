SELECT t.nspname::text AS schema, t.relname::text AS place,
       quote_ident(a.rolname) || ' may use this child of ' || i.inhparent::regclass::text || ' directly' AS message,
       CASE WHEN t.relrowsecurity AND EXISTS (SELECT FROM policies p WHERE p.table_oid = t.oid AND p.binds_seen) THEN 'warning' ELSE 'error' END AS severity,
       jsonb_build_object('role', a.rolname, 'parent', i.inhparent::regclass::text)::text AS facts,
       ARRAY(SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', t.ident, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
               FROM aclexplode(t.relacl) x WHERE x.grantee <> t.relowner AND CASE WHEN x.grantee = 0 THEN true ELSE pg_has_role(a.oid, x.grantee, 'USAGE') END) AS fix
  FROM tables t JOIN pg_inherits i ON i.inhrelid = t.oid
  JOIN apps a ON has_table_privilege(a.oid, t.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') AND t.relowner <> a.oid AND NOT a.rolsuper
 WHERE t.kind IN ('tenant', 'derived') AND t.model = 'shared'
