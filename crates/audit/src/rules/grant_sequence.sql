SELECT s.nspname::text AS schema, 'sequence ' || c.relname AS place, quote_ident(a.rolname) || ' may read its last value, which counts all tenants' AS message,
       jsonb_build_object('role', a.rolname)::text AS facts,
       ARRAY(SELECT format('REVOKE SELECT ON SEQUENCE %I.%I FROM %s', s.nspname, c.relname, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
               FROM aclexplode(c.relacl) x WHERE x.privilege_type = 'SELECT' AND x.grantee <> c.relowner
                AND CASE WHEN x.grantee = 0 THEN true ELSE pg_has_role(a.oid, x.grantee, 'USAGE') END) AS fix
  FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind = 'S'
  JOIN apps a ON has_sequence_privilege(a.oid, c.oid, 'SELECT') AND c.relowner <> a.oid AND NOT a.rolsuper
 WHERE s.model = 'shared' AND EXISTS (SELECT FROM rows_of_many)
