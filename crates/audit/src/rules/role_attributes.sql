SELECT NULL::text AS schema, 'role ' || r.rolname AS place, 'it has ' || array_to_string(x.has, ', ') AS message,
       jsonb_build_object('attributes', x.has)::text AS facts,
       ARRAY(SELECT format('ALTER ROLE %I NO%s', r.rolname, h) FROM unnest(x.has) h) AS fix
  FROM apps a JOIN pg_roles r ON r.oid = a.oid
 CROSS JOIN LATERAL (SELECT array_remove(ARRAY[CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
                                               CASE WHEN r.rolreplication THEN 'REPLICATION' END], NULL) AS has) x
 WHERE cardinality(x.has) > 0
