SELECT t.nspname::text AS schema, t.relname::text AS place, n.rows || CASE WHEN n.rows >= 1000 THEN ' or more' ELSE '' END || ' rows have no tenant' AS message,
       jsonb_build_object('rows', n.rows)::text AS facts, format('SELECT count(*) FROM %s WHERE %I IS NULL', t.ident, t.tenant_name) AS proof
  FROM rows_of_many t
 CROSS JOIN LATERAL (SELECT substring(query_to_xml(format('SELECT count(*) AS n FROM (SELECT 1 FROM %s WHERE %I IS NULL LIMIT 1000) x', t.ident, t.tenant_name), false, false, '')::text
                                      FROM '<n>(\d+)</n>')::bigint AS rows) n
 WHERE NOT t.tenant_not_null AND t.reltuples < 5000000 AND NOT t.relispartition AND n.rows > 0
