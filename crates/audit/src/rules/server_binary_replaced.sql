SELECT NULL::text AS schema, 'server' AS place, 'the program was replaced on disk after the server started: it runs an older one than is installed' AS message,
       'restart the server' AS hint,
       jsonb_build_object('started', s.at, 'replaced', f.change)::text AS facts
  FROM given CROSS JOIN pg_config() c
 CROSS JOIN LATERAL (SELECT coalesce((g->>'started')::timestamptz, pg_postmaster_start_time()) AS at, coalesce(g->>'programs', c.setting) AS folder) s
 CROSS JOIN LATERAL pg_stat_file(s.folder || '/postgres', true) f
 WHERE c.name = 'BINDIR' AND f.change > s.at
