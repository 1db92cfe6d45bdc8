SELECT n.nspname::text AS schema, 'schema ' || n.nspname AS place, quote_ident(a.rolname) || ' may create things in it' AS message,
       jsonb_build_object('role', a.rolname)::text AS facts,
       ARRAY(SELECT format('REVOKE CREATE ON SCHEMA %I FROM %s', n.nspname, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
               FROM aclexplode(n.nspacl) x WHERE x.privilege_type = 'CREATE' AND x.grantee <> n.nspowner
                AND CASE WHEN x.grantee = 0 THEN true ELSE pg_has_role(a.oid, x.grantee, 'USAGE') END) AS fix
  FROM pg_namespace n JOIN apps a ON has_schema_privilege(a.oid, n.oid, 'CREATE') AND NOT a.rolsuper
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT NULL, 'database', quote_ident(a.rolname) || ' may create schemas in the database', jsonb_build_object('role', a.rolname)::text,
       ARRAY[format('REVOKE CREATE ON DATABASE %I FROM PUBLIC, %I', current_database(), a.rolname)]
  FROM apps a WHERE has_database_privilege(a.oid, current_database(), 'CREATE') AND NOT a.rolsuper
