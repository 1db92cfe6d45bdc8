SELECT NULL::text AS schema, 'pg_hba.conf line ' || h.line_number AS place,
       'connections from ' || coalesce(h.address, 'anywhere') || ' are let in by ' || h.auth_method AS message,
       CASE WHEN h.auth_method = 'trust' AND coalesce(h.address, '') NOT IN ('127.0.0.1', '::1', 'localhost', 'samehost') THEN 'error' ELSE 'note' END AS severity,
       'use scram-sha-256' AS hint, jsonb_build_object('type', h.type, 'method', h.auth_method)::text AS facts
  FROM pg_hba_file_rules h WHERE h.type LIKE 'host%' AND h.auth_method IN ('trust', 'password', 'md5', 'ident')
