SELECT n.nspname::text AS schema, c.relname::text AS place,
       CASE WHEN a.attname IS NOT NULL THEN 'it has a tenant column, and no placement holds it: erasing a tenant does not reach it' ELSE 'no placement holds it' END AS message,
       CASE WHEN a.attname IS NOT NULL THEN 'warning' ELSE 'note' END AS severity,
       'put it into the product''s schema, or into a database of the operator''s' AS hint,
       jsonb_build_object('owner', c.relowner::regrole::text, 'rows', greatest(c.reltuples, 0)::bigint)::text AS facts
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = (SELECT g->>'column' FROM given) AND NOT a.attisdropped
 WHERE (SELECT (g->>'ours')::bool AND NOT (g->>'partial')::bool FROM given) AND c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND n.nspname !~ '^pg_'
   AND n.nspname NOT IN ('information_schema', 'tenancy') AND c.relnamespace NOT IN (SELECT s.oid FROM spaces s)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
