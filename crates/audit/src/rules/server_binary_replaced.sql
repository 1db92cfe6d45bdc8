SELECT NULL::text AS schema, 'server' AS place, 'the program was replaced on disk after the server started: it runs an older one than is installed' AS message,
       'restart the server' AS hint,
       jsonb_build_object('started', pg_postmaster_start_time(), 'replaced', f.change)::text AS facts
  FROM pg_config() c CROSS JOIN LATERAL pg_stat_file(c.setting || '/postgres', true) f
 WHERE c.name = 'BINDIR' AND f.change > pg_postmaster_start_time()
