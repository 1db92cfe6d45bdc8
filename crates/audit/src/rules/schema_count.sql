SELECT NULL::text AS schema, 'database' AS place, 'it has ' || count(DISTINCT c.relnamespace) || ' schemas with ' || count(*) || ' relations' AS message,
       CASE WHEN count(DISTINCT c.relnamespace) > 3000 OR count(*) > 200000 THEN 'warning' ELSE 'note' END AS severity,
       'spread the tenants over several databases, or use shared tables for small ones' AS hint,
       jsonb_build_object('schemas', count(DISTINCT c.relnamespace), 'relations', count(*), 'catalog_bytes', pg_relation_size('pg_class') + pg_relation_size('pg_attribute'))::text AS facts
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
HAVING count(DISTINCT c.relnamespace) > 500 OR count(*) > 100000
