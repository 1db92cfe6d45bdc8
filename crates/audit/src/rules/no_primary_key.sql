SELECT t.nspname::text AS schema, t.relname::text AS place, 'it has no primary key' AS message,
       'add one that starts with the tenant column' AS hint, jsonb_build_object('replica_identity', c.relreplident)::text AS facts
  FROM tables t JOIN pg_class c ON c.oid = t.oid
 WHERE NOT t.relispartition AND NOT (SELECT (g->>'ours')::bool FROM given)
   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)
