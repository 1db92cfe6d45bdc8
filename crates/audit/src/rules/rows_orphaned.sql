, refs AS (
  SELECT c.nspname, c.relname, c.ident AS child, k.confrelid::regclass::text AS parent, k.conname, k.convalidated,
         (SELECT string_agg(format('c.%I = p.%I', ca.attname, pa.attname), ' AND ') FROM unnest(k.conkey, k.confkey) x(a, b)
            JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = x.a JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = x.b) AS pairs,
         (SELECT string_agg(format('c.%I IS NOT NULL', ca.attname), ' AND ') FROM unnest(k.conkey) x(a)
            JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = x.a) AS present
    FROM pg_constraint k JOIN tables c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
   WHERE k.contype = 'f' AND k.conparentid = 0 AND c.reltuples < 1000000 AND p.reltuples < 1000000)
SELECT r.relname::text AS place, 'references to nothing' AS message,
       format($q$SELECT %L AS schema, %L AS place, n.rows || CASE WHEN n.rows >= 1000 THEN ' or more' ELSE '' END || ' rows refer to rows of ' || %L || ' that do not exist' || %L AS message,
                        jsonb_build_object('rows', n.rows)::text AS facts, %L AS proof FROM (SELECT count(*) AS rows FROM (%s) x) n WHERE n.rows > 0$q$,
              r.nspname, format('%s on %s', r.conname, r.relname), r.parent,
              CASE WHEN r.convalidated THEN ', although the constraint is called valid' ELSE '' END, q.sql, q.sql) AS "then"
  FROM refs r
 CROSS JOIN LATERAL (SELECT format('SELECT 1 FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s) LIMIT 1000', r.child, r.present, r.parent, r.pairs) AS sql) q
