SELECT NULL::text AS schema, 'database' AS place, 'every role of the server may connect' AS message,
       'grant CONNECT to the roles that need it, then revoke it from PUBLIC' AS hint, '{"privilege": "CONNECT"}' AS facts,
       ARRAY(SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), a.rolname) FROM apps a)
         || ARRAY[format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database())] AS fix
 WHERE has_database_privilege('public', current_database(), 'CONNECT') AND EXISTS (SELECT FROM tables)
