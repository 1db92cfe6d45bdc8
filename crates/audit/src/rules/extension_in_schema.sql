SELECT s.nspname::text AS schema, 'extension ' || e.extname AS place, 'it lives in the schema of the tables' AS message,
       jsonb_build_object('version', e.extversion, 'relocatable', e.extrelocatable)::text AS facts
  FROM pg_extension e JOIN spaces s ON s.oid = e.extnamespace WHERE NOT (SELECT (g->>'ours')::bool FROM given)
