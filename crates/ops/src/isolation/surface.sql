-- What PUBLIC may do that reaches beyond the caller's own rows: other sessions' statements, locks, messages and
-- transactions, everybody's volumes, large objects, SQL in disguise. Rows of surface() are what is still open.
--
-- Left open, because drivers, ORMs and psql's \d live on it and it shows no tenant's data: the catalog's tables,
-- pg_get_*def, format_type, *_is_visible, has_*_privilege, current_setting, set_config (Django sets the time zone
-- with it; it can do no more than SET can), pg_settings for reading, pg_sleep.
CREATE OR REPLACE FUNCTION tenancy.surface() RETURNS TABLE (kind text, privilege text, object text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT 'FUNCTION', 'EXECUTE', p.oid::regprocedure::text
    FROM pg_proc p
   WHERE p.pronamespace = 'pg_catalog'::regnamespace
     AND has_function_privilege('public', p.oid, 'EXECUTE')
     AND (
       -- Other sessions: what they run, hold, wait for, have prepared; and this session's leftovers.
       p.proname IN ('pg_cancel_backend', 'pg_terminate_backend', 'pg_lock_status', 'pg_blocking_pids',
         'pg_safe_snapshot_blocking_pids', 'pg_isolation_test_session_is_blocked', 'pg_prepared_xact',
         'pg_prepared_statement', 'pg_cursor', 'pg_notify', 'pg_notification_queue_usage', 'pg_export_snapshot',
         'pg_log_backend_memory_contexts', 'pg_get_process_memory_contexts')
       OR p.proname ~ '^pg_stat_get_' OR p.proname ~ '^pg_stat_reset' OR p.proname ~ '^pg_ls_'
       -- Locks that all tenants share. The fence is one of them, so even giving up one's own is not allowed.
       OR p.proname ~ '^pg_(try_)?advisory_'
       -- Large objects know no row-level security.
       OR p.proname ~ '^(lo_|loread$|lowrite$)'
       -- SQL inside a text argument, unseen by whoever reads the statement.
       OR p.proname ~ '^(query|cursor|table|schema|database)_to_xml' OR p.proname = 'ts_stat'
       OR (p.proname = 'ts_rewrite' AND p.pronargs = 2)
       -- Everybody's volume and activity.
       OR p.proname IN ('pg_relation_size', 'pg_total_relation_size', 'pg_table_size', 'pg_indexes_size',
         'pg_database_size', 'pg_tablespace_size', 'pg_tablespace_databases', 'pg_sequence_last_value',
         'pg_get_sequence_data', 'pg_last_committed_xact', 'pg_xact_commit_timestamp',
         'pg_xact_commit_timestamp_origin')
       OR p.proname ~ '^(txid_|pg_current_xact_id|pg_current_snapshot|pg_snapshot_|pg_visible_in_snapshot|pg_xact_status)'
       OR p.proname ~ '^pg_(current_wal|last_wal|last_xact_replay|walfile|control_)'
       OR p.proname ~ '^pg_(available_wal_summaries|wal_summary_contents|get_wal_summarizer_state)'
       -- Replication, which sees every tenant, and the write-ahead log.
       OR p.proname ~ '^pg_(logical_|replication_|create_.*_slot|copy_.*_slot|drop_replication_slot|get_replication_slots|sync_replication_slots)'
       -- The next tenant's random numbers.
       OR p.proname = 'setseed')
  UNION ALL
  -- Extensions that look at, or connect to, what is not the caller's.
  SELECT 'FUNCTION', 'EXECUTE', p.oid::regprocedure::text
    FROM pg_proc p
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
   WHERE e.extname IN ('dblink', 'postgres_fdw', 'pg_stat_statements', 'pg_stat_monitor', 'pg_buffercache',
           'pg_prewarm', 'pgstattuple', 'pgrowlocks', 'pg_freespacemap', 'pg_visibility', 'pg_walinspect',
           'pageinspect', 'adminpack', 'xml2')
     AND has_function_privilege('public', p.oid, 'EXECUTE')
     AND p.prorettype <> 'fdw_handler'::regtype
  UNION ALL
  SELECT 'TABLE', v.privilege, c.oid::regclass::text
    FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) v(privilege)
   WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
     AND has_table_privilege('public', c.oid, v.privilege)
     AND (v.privilege <> 'SELECT'
       OR c.relname ~ '^pg_stat(io)?_' AND c.relname NOT IN ('pg_statistic_ext')
       OR c.relname IN ('pg_stats', 'pg_stats_ext', 'pg_stats_ext_exprs', 'pg_locks', 'pg_prepared_xacts',
         'pg_prepared_statements', 'pg_cursors', 'pg_sequences', 'pg_roles', 'pg_user', 'pg_group',
         'pg_user_mappings', 'pg_db_role_setting', 'pg_replication_slots', 'pg_replication_origin',
         'pg_largeobject_metadata'))
  UNION ALL
  SELECT 'TABLE', 'SELECT', c.oid::regclass::text
    FROM pg_class c
    JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
   WHERE e.extname IN ('pg_stat_statements', 'pg_stat_monitor', 'pg_buffercache')
     AND c.relkind IN ('r', 'v') AND has_table_privilege('public', c.oid, 'SELECT')
  UNION ALL
  -- No DO, no functions of one's own.
  SELECT 'LANGUAGE', 'USAGE', quote_ident(l.lanname)
    FROM pg_language l WHERE l.lanpltrusted AND has_language_privilege('public', l.oid, 'USAGE')
  UNION ALL
  -- Nobody's database but its login's; no temporary tables, which would shadow real ones for the next tenant.
  SELECT 'DATABASE', v.privilege, quote_ident(current_database())
    FROM unnest(ARRAY['CONNECT', 'TEMP', 'CREATE']) v(privilege)
   WHERE has_database_privilege('public', current_database(), v.privilege)
  UNION ALL
  SELECT 'SCHEMA', v.privilege, 'public'
    FROM unnest(ARRAY['USAGE', 'CREATE']) v(privilege)
   WHERE EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = 'public')
     AND has_schema_privilege('public', 'public', v.privilege);
END;
