, refs AS (
  SELECT c.nspname, c.relname, c.ident AS child, k.confrelid::regclass::text AS parent, k.conname, k.convalidated,
         (SELECT string_agg(format('c.%I = p.%I', ca.attname, pa.attname), ' AND ') FROM unnest(k.conkey, k.confkey) x(a, b)
            JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = x.a JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = x.b) AS pairs,
         (SELECT string_agg(format('c.%I IS NOT NULL', ca.attname), ' AND ') FROM unnest(k.conkey) x(a)
            JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = x.a) AS present
    FROM pg_constraint k JOIN tables c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
   WHERE k.contype = 'f' AND k.conparentid = 0 AND c.reltuples < 1000000 AND p.reltuples < 1000000)
SELECT r.nspname::text AS schema, format('%s on %s', r.conname, r.relname) AS place,
       n.rows || CASE WHEN n.rows >= 1000 THEN ' or more' ELSE '' END || ' rows refer to rows of ' || r.parent || ' that do not exist'
         || CASE WHEN r.convalidated THEN ', although the constraint is called valid' ELSE '' END AS message,
       jsonb_build_object('rows', n.rows)::text AS facts, q.sql AS proof
  FROM refs r
 CROSS JOIN LATERAL (SELECT format('SELECT 1 FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s) LIMIT 1000', r.child, r.present, r.parent, r.pairs) AS sql) q
 CROSS JOIN LATERAL (SELECT substring(query_to_xml(format('SELECT count(*) AS n FROM (%s) x', q.sql), false, false, '')::text FROM '<n>(\d+)</n>')::bigint AS rows) n
 WHERE n.rows > 0
