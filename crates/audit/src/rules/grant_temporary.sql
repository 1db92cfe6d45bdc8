SELECT NULL::text AS schema, 'role ' || a.rolname AS place, 'it may make temporary tables, which shadow real ones for the next tenant on the connection' AS message,
       jsonb_build_object('role', a.rolname)::text AS facts,
       ARRAY(SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM %s', current_database(), CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
               FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
              WHERE d.datname = current_database() AND x.privilege_type = 'TEMPORARY' AND (x.grantee = 0 OR x.grantee = a.oid)) AS fix
  FROM apps a WHERE has_database_privilege(a.oid, current_database(), 'TEMPORARY') AND NOT a.rolsuper AND EXISTS (SELECT FROM spaces WHERE model <> 'database')
