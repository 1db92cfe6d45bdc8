-- What may be in the way of a conversion: weight, message, what to do.
SELECT 'stop', 'the administrator is neither a superuser nor exempt from row-level security',
       'give the cluster''s user SUPERUSER or BYPASSRLS: otherwise references would be marked valid without being checked'
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls))
UNION ALL
SELECT 'stop', 'the administrator may not set session_replication_role, so the application''s triggers would fire for every old row',
       format('GRANT SET ON PARAMETER session_replication_role TO %I', current_user)
 WHERE NOT pg_catalog.has_parameter_privilege('session_replication_role', 'SET')
UNION ALL
SELECT 'stop', format('PostgreSQL %s is too old', current_setting('server_version')), 'upgrade to 15 or newer'
 WHERE current_setting('server_version_num')::integer < 150000
UNION ALL
SELECT 'stop', 'this server is a standby', 'name the primary in the configuration' WHERE pg_catalog.pg_is_in_recovery()
UNION ALL
SELECT 'stop', 'the database is a pool of Tenantry already', 'there is nothing to convert: see `tenantry audit`'
 WHERE to_regclass('tenancy.schema_version') IS NOT NULL AND to_regclass('tenancy.conversion') IS NULL
   AND EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polname = 'tenantry_floor')
UNION ALL
SELECT 'stop', format('a prepared transaction is open since %s (%s)', to_char(x.prepared, 'YYYY-MM-DD HH24:MI'), x.gid),
       'commit it or roll it back: indexes can''t be built beside it'
  FROM pg_catalog.pg_prepared_xacts x WHERE x.database = current_database()
UNION ALL
SELECT 'warning', format('process %s (%s) has a transaction open since %s', a.pid, coalesce(nullif(a.application_name, ''), a.usename),
                         to_char(a.xact_start, 'HH24:MI:SS')),
       'indexes that are built concurrently wait for it'
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start < now() - interval '1 minute'
UNION ALL
SELECT 'warning', format('replication slot %s is not in use and keeps %s of write-ahead log', s.slot_name,
                         pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn))),
       'drop it, or the log of the backfill is kept as well'
  FROM pg_catalog.pg_replication_slots s WHERE NOT s.active AND s.restart_lsn IS NOT NULL AND NOT pg_catalog.pg_is_in_recovery()
UNION ALL
SELECT 'warning', format('index %s is invalid: building it failed', c.relname), 'drop it, or build it again'
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_class r ON r.oid = i.indrelid AND r.relkind = 'r'
 WHERE NOT i.indisvalid AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'tenantry\_%'
UNION ALL
SELECT 'warning', format('trigger %s on %s fires always, and so for every row that gets its tenant', t.tgname, c.relname),
       'see that it can bear that, or make it an ordinary trigger meanwhile'
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal AND t.tgenabled IN ('A', 'R')
UNION ALL
SELECT 'warning', format('publication %s sends changes elsewhere', p.pubname),
       'give subscribers the tenant column first, or they stop'
  FROM pg_catalog.pg_publication p
UNION ALL
SELECT 'warning', format('event trigger %s fires at every change of the schema', e.evtname), 'see that it lets these pass'
  FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled <> 'D'
UNION ALL
SELECT 'warning', 'transaction ids are running out: a vacuum against wraparound may take locks at any time',
       'let it end first: VACUUM FREEZE'
  FROM pg_catalog.pg_database d WHERE d.datname = current_database() AND age(d.datfrozenxid) > 1000000000
UNION ALL
SELECT 'warning', format('table %s has no primary key', c.relname), 'it can be converted; rows of it can''t be told apart when a tenant moves'
  FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint n WHERE n.conrelid = c.oid AND n.contype = 'p')
UNION ALL
SELECT 'note', format('about %s more are needed on the disk for a while: the indexes a second time, and a part of the tables',
                      pg_size_pretty(sum(pg_indexes_size(c.oid)) + sum(pg_table_size(c.oid)) / 5)),
       'the free space can''t be asked for by SQL: look at the server'
  FROM pg_catalog.pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' HAVING count(*) > 0
