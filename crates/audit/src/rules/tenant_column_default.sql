SELECT t.nspname::text AS schema, t.relname || '.' || t.tenant_name AS place, 'rows that name no tenant go to one of them: DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) AS message,
       jsonb_build_object('default', pg_get_expr(d.adbin, d.adrelid))::text AS facts,
       ARRAY[format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', t.ident, t.tenant_name)] AS fix
  FROM rows_of_many t JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = t.tenant
 WHERE pg_get_expr(d.adbin, d.adrelid) ~ '^\(?(''[^'']*''|-?[0-9]+)(::[a-z ]+)?\)?$' OR pg_get_expr(d.adbin, d.adrelid) ~ '(nextval|gen_random_uuid|uuid)'
