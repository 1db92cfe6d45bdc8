-- Who holds locks on these tables, for people.
SELECT DISTINCT format('process %s (%s, %s, %s since %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), '-'),
                       a.state, to_char(a.xact_start, 'HH24:MI:SS'))
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relname = ANY ($1::text[])
  JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid AND a.pid <> pg_backend_pid()
 WHERE l.granted AND l.locktype = 'relation'
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
 LIMIT 5
