-- System functions that PUBLIC has lost and the core itself needs; languages for those who own functions.
GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean), pg_catalog.pg_advisory_unlock_all(),
  pg_catalog.pg_try_advisory_lock_shared(bigint), pg_catalog.pg_prepared_statement(),
  pg_catalog.pg_cursor(), pg_catalog.pg_lock_status(),
  pg_catalog.pg_stat_get_activity(integer), pg_catalog.pg_current_wal_insert_lsn(),
  pg_catalog.pg_last_wal_replay_lsn(), pg_catalog.pg_walfile_name(pg_lsn) TO tenantry_context;
GRANT USAGE ON LANGUAGE sql, plpgsql TO tenantry_owner, tenantry_context;
