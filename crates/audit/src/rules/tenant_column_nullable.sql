SELECT t.nspname::text AS schema, t.relname || '.' || t.tenant_name AS place, 'a row can be without a tenant' AS message,
       'fill the rows that have none first: SELECT count(*) FROM ' || t.ident || ' WHERE ' || quote_ident(t.tenant_name) || ' IS NULL' AS hint,
       jsonb_build_object('null_fraction', (SELECT s.null_frac FROM pg_stats s WHERE s.schemaname = t.nspname AND s.tablename = t.relname AND s.attname = t.tenant_name LIMIT 1))::text AS facts,
       ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I IS NOT NULL) NOT VALID', t.ident, left(t.relname, 40) || '_tenant_not_null', t.tenant_name),
             format('ALTER TABLE %s VALIDATE CONSTRAINT %I', t.ident, left(t.relname, 40) || '_tenant_not_null'),
             format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', t.ident, t.tenant_name),
             format('ALTER TABLE %s DROP CONSTRAINT %I', t.ident, left(t.relname, 40) || '_tenant_not_null')] AS fix
  FROM rows_of_many t WHERE NOT t.tenant_not_null AND NOT (SELECT (g->>'ours')::bool FROM given) AND NOT t.relispartition
