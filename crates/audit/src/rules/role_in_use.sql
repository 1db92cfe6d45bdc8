SELECT NULL::text AS schema, 'role ' || r.rolname AS place,
       count(*) || ' sessions are in this database as ' || quote_ident(r.rolname) || ', which ' || CASE WHEN r.rolsuper THEN 'is a superuser'
         WHEN r.rolbypassrls THEN 'has BYPASSRLS' ELSE 'owns tables without FORCE' END AS message,
       'is that the application, or a job of it? Then give it a role of its own' AS hint,
       jsonb_build_object('sessions', count(*), 'applications', jsonb_agg(DISTINCT left(s.application_name, 40)))::text AS facts
  FROM pg_stat_activity s JOIN pg_roles r ON r.oid = s.usesysid
 WHERE s.datname = current_database() AND s.pid <> pg_backend_pid() AND s.backend_type = 'client backend'
   AND s.application_name !~ '^(tenantry|psql|pg_dump|pgAdmin)' AND r.rolname <> session_user
   AND EXISTS (SELECT FROM rows_of_many)
   AND (r.rolsuper OR r.rolbypassrls OR EXISTS (SELECT FROM rows_of_many t WHERE t.relowner = r.oid AND NOT t.relforcerowsecurity))
 GROUP BY r.rolname, r.rolsuper, r.rolbypassrls
