SELECT NULL::text AS schema, 'role ' || a.rolname AS place,
       CASE WHEN a.rolsuper THEN 'it is a superuser' ELSE 'it has BYPASSRLS' END || ': no policy binds it' AS message,
       'give the application a role of its own' AS hint,
       jsonb_build_object('rolsuper', a.rolsuper, 'rolbypassrls', a.rolbypassrls)::text AS facts,
       format('SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = %L', a.rolname) AS proof,
       CASE WHEN NOT a.rolsuper THEN ARRAY[format('ALTER ROLE %I NOBYPASSRLS', a.rolname)] END AS fix
  FROM apps a WHERE a.rolsuper OR a.rolbypassrls
