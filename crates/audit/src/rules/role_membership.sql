SELECT NULL::text AS schema, 'role ' || a.rolname AS place,
       'it can become ' || quote_ident(r.rolname) || ', which ' || CASE
         WHEN r.rolsuper THEN 'is a superuser' WHEN r.rolbypassrls THEN 'has BYPASSRLS' WHEN r.rolcreaterole THEN 'may make roles'
         WHEN owns.n > 0 THEN 'owns ' || owns.n || ' tables with tenants'' rows' ELSE 'is a built-in role with far-reaching rights' END AS message,
       jsonb_build_object('member_of', r.rolname, 'direct', EXISTS (SELECT FROM pg_auth_members m WHERE m.member = a.oid AND m.roleid = r.oid))::text AS facts,
       format('SELECT pg_has_role(%L, %L, ''MEMBER'')', a.rolname, r.rolname) AS proof,
       CASE WHEN EXISTS (SELECT FROM pg_auth_members m WHERE m.member = a.oid AND m.roleid = r.oid)
            THEN ARRAY[format('REVOKE %I FROM %I', r.rolname, a.rolname)] END AS fix
  FROM apps a JOIN pg_roles r ON r.oid <> a.oid AND pg_has_role(a.oid, r.oid, 'MEMBER') AND NOT a.rolsuper
 CROSS JOIN LATERAL (SELECT count(*) AS n FROM tables t WHERE t.relowner = r.oid AND t.kind <> 'global') owns
 WHERE r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR owns.n > 0
    OR r.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files',
                     'pg_signal_backend', 'pg_monitor', 'pg_read_all_stats', 'pg_read_all_settings', 'pg_maintain', 'pg_create_subscription', 'pg_database_owner')
