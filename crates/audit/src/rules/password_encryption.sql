SELECT NULL::text AS schema, 'setting password_encryption' AS place, 'new passwords are stored as MD5 hashes' AS message,
       'set password_encryption = scram-sha-256, then set the passwords again' AS hint,
       jsonb_build_object('value', current_setting('password_encryption'))::text AS facts
 WHERE current_setting('password_encryption') IN ('md5', 'on')
