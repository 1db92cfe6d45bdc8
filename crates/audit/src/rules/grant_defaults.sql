SELECT n.nspname::text AS schema, 'default privileges of ' || d.defaclrole::regrole::text AS place,
       CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END || ' gets ' || string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type)
         || ' on every future table' AS message,
       CASE WHEN bool_or(x.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')) THEN 'warning' ELSE 'note' END AS severity,
       jsonb_build_object('grantee', x.grantee::regrole::text, 'privileges', jsonb_agg(x.privilege_type))::text AS facts,
       ARRAY[format('ALTER DEFAULT PRIVILEGES FOR ROLE %s%s REVOKE ALL ON TABLES FROM %s', d.defaclrole::regrole::text,
         coalesce(' IN SCHEMA ' || quote_ident(n.nspname), ''), CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)] AS fix
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace CROSS JOIN LATERAL aclexplode(d.defaclacl) x
 WHERE d.defaclobjtype = 'r' AND x.grantee <> d.defaclrole
   AND CASE WHEN x.grantee = 0 THEN true ELSE EXISTS (SELECT FROM apps a WHERE pg_has_role(a.oid, x.grantee, 'USAGE')) END
   AND (n.oid IS NULL OR n.oid IN (SELECT oid FROM spaces))
 GROUP BY n.nspname, d.defaclrole, x.grantee
