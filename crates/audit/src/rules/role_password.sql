SELECT NULL::text AS schema, 'role ' || r.rolname AS place, 'its password is stored as an MD5 hash' AS message,
       'set it again with password_encryption = scram-sha-256' AS hint, '{"kind": "md5"}' AS facts
  FROM pg_authid r WHERE r.rolcanlogin AND r.rolpassword LIKE 'md5%'
