SELECT t.relname::text AS place, 'rows without a tenant' AS message,
       format($q$SELECT %L AS schema, %L AS place, n.rows || CASE WHEN n.rows >= 1000 THEN ' or more' ELSE '' END || ' rows have no tenant' AS message,
                        jsonb_build_object('rows', n.rows)::text AS facts, %L AS proof
                   FROM (SELECT count(*) AS rows FROM (SELECT 1 FROM %s WHERE %I IS NULL LIMIT 1000) x) n WHERE n.rows > 0$q$,
              t.nspname, t.relname, format('SELECT count(*) FROM %s WHERE %I IS NULL', t.ident, t.tenant_name), t.ident, t.tenant_name) AS "then"
  FROM rows_of_many t WHERE NOT t.tenant_not_null AND t.reltuples < 5000000 AND NOT t.relispartition
