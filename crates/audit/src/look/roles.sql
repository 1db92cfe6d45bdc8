-- Roles that look like the application's: they may log in, are no superusers, and may read what has row-level security, or
-- use most of the tables. One with BYPASSRLS (support, reports) only if it has sessions here, or there is no other.
WITH able AS (
  SELECT r.rolname, r.rolbypassrls,
         EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = r.oid AND a.datname = current_database() AND a.pid <> pg_backend_pid()) AS here
    FROM pg_roles r
   WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname !~ '^pg_' AND has_database_privilege(r.oid, current_database(), 'CONNECT')
     AND (SELECT count(*) FILTER (WHERE has_table_privilege(r.oid, c.oid, 'SELECT')
                                     AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE')) * 2 >= greatest(count(*), 1)
              OR bool_or(c.relrowsecurity AND has_table_privilege(r.oid, c.oid, 'SELECT'))
            FROM pg_class c WHERE c.oid = ANY ($1::text::oid[])))
SELECT a.rolname::text FROM able a
 WHERE NOT a.rolbypassrls OR a.here OR NOT EXISTS (SELECT FROM able b WHERE NOT b.rolbypassrls)
 ORDER BY 1
