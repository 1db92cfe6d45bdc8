SELECT NULL::text AS schema, coalesce('role ' || r.rolname, 'database') AS place,
       'every session begins with ' || c.setting AS message, 'reset it, and set it where it is needed' AS hint,
       jsonb_build_object('setting', split_part(c.setting, '=', 1))::text AS facts,
       ARRAY[CASE WHEN r.rolname IS NULL THEN format('ALTER DATABASE %I RESET %I', current_database(), split_part(c.setting, '=', 1))
                  WHEN s.setdatabase = 0 THEN format('ALTER ROLE %I RESET %I', r.rolname, split_part(c.setting, '=', 1))
                  ELSE format('ALTER ROLE %I IN DATABASE %I RESET %I', r.rolname, current_database(), split_part(c.setting, '=', 1)) END] AS fix
  FROM pg_db_role_setting s LEFT JOIN apps r ON r.oid = s.setrole CROSS JOIN LATERAL unnest(s.setconfig) c(setting)
 WHERE (r.oid IS NOT NULL OR (s.setrole = 0 AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())))
   AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
   AND split_part(c.setting, '=', 1) IN ('row_security', 'search_path', 'session_replication_role', 'role', 'default_transaction_read_only', 'check_function_bodies')
   AND c.setting <> 'row_security=on'
