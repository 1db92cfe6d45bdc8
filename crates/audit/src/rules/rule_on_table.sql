SELECT t.nspname::text AS schema, format('rule %s on %s', w.rulename, t.relname) AS place, 'it rewrites statements on the table, with the rights of its owner' AS message,
       'use a trigger' AS hint, jsonb_build_object('event', w.ev_type)::text AS facts
  FROM tables t JOIN pg_rewrite w ON w.ev_class = t.oid
