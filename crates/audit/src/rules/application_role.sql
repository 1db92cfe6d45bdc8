SELECT NULL::text AS schema, 'database' AS place,
       'no role was found that could be the application''s: none that may log in, is no superuser, and may use the tenants'' tables' AS message,
       'name it with --role; if the application connects as the owner or as a superuser, give it a role of its own' AS hint,
       jsonb_build_object('sessions_of', (SELECT jsonb_agg(DISTINCT a.usename) FROM pg_stat_activity a
          WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.usename IS NOT NULL))::text AS facts
 WHERE NOT EXISTS (SELECT FROM apps) AND EXISTS (SELECT FROM rows_of_many)
