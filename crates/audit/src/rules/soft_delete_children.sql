, marked AS (
  SELECT t.*, a.attname, a.atttypid = 'boolean'::regtype AS is_flag
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND NOT a.attisdropped
     AND a.attname IN ('deleted_at', 'deleted', 'is_deleted', 'deleted_on', 'removed_at', 'deletedat', 'discarded_at')),
refs AS (
  SELECT c.nspname, c.relname, c.ident AS child, p.ident AS parent, p.relname AS parent_name, k.conname, k.oid,
         format(CASE WHEN c.is_flag THEN 'c.%I IS NOT TRUE' ELSE 'c.%I IS NULL' END, c.attname) AS there,
         format(CASE WHEN p.is_flag THEN 'p.%I' ELSE 'p.%I IS NOT NULL' END, p.attname) AS gone,
         (SELECT string_agg(format('c.%I = p.%I', ca.attname, pa.attname), ' AND ') FROM unnest(k.conkey, k.confkey) x(a, b)
            JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = x.a JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = x.b) AS pairs
    FROM pg_constraint k JOIN marked c ON c.oid = k.conrelid JOIN marked p ON p.oid = k.confrelid
   WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confdeltype = 'c' AND k.conrelid <> k.confrelid
     AND c.reltuples < 1000000 AND p.reltuples < 1000000)
SELECT r.relname::text AS place, 'rows whose parent is marked as deleted' AS message,
       format($q$SELECT %L AS schema, %L AS place, n.rows || CASE WHEN n.rows >= 1000 THEN ' or more' ELSE '' END || ' rows are not marked as deleted, and their row of ' || %L || ' is' AS message,
                        'mark them with it (in the same transaction, or by a trigger): a real DELETE would have taken them along' AS hint,
                        jsonb_build_object('rows', n.rows)::text AS facts, %L AS proof FROM (SELECT count(*) AS rows FROM (%s) x) n WHERE n.rows > 0$q$,
              r.nspname, format('%s on %s', r.conname, r.relname), r.parent_name, q.sql, q.sql) AS "then"
  FROM refs r
 CROSS JOIN LATERAL (SELECT format('SELECT 1 FROM %s c JOIN %s p ON %s WHERE %s AND %s LIMIT 1000', r.child, r.parent, r.pairs, r.gone, r.there) AS sql) q
