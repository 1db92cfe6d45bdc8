-- Looks the holders up and ends them in one statement, so that a process id can hardly have passed to another.
SELECT count(*) FILTER (WHERE pg_terminate_backend(l.pid))
  FROM pg_catalog.pg_locks l
 WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ShareLock' AND l.objsubid = 1
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
   AND ((l.classid::bigint << 32) | l.objid::bigint) = tenancy.fence_key($1)
   AND l.pid <> pg_backend_pid()
