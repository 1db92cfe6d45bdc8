SELECT t.nspname::text AS schema, format('index %s on %s', c.relname, t.relname) AS place,
       'it was never used, while the table was read ' || (coalesce(s.idx_scan, 0) + coalesce(s.seq_scan, 0)) || ' times' AS message,
       jsonb_build_object('bytes', pg_relation_size(i.indexrelid), 'reads_of_table', coalesce(s.idx_scan, 0) + coalesce(s.seq_scan, 0),
                          'since', (SELECT d.stats_reset FROM pg_stat_database d WHERE d.datname = current_database()))::text AS facts
  FROM tables t JOIN pg_index i ON i.indrelid = t.oid AND NOT i.indisunique JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
  JOIN pg_stat_all_tables s ON s.relid = t.oid
 WHERE pg_stat_get_numscans(i.indexrelid) = 0 AND coalesce(s.idx_scan, 0) + coalesce(s.seq_scan, 0) > 1000 AND pg_relation_size(i.indexrelid) > 1048576
