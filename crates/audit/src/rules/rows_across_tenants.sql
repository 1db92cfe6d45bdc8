, refs AS (
  SELECT c.nspname, c.relname, c.ident AS child, p.ident AS parent, k.conname, c.tenant_name AS child_tenant, p.tenant_name AS parent_tenant,
         (SELECT string_agg(format('c.%I = p.%I', ca.attname, pa.attname), ' AND ') FROM unnest(k.conkey, k.confkey) x(a, b)
            JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = x.a JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = x.b) AS pairs
    FROM pg_constraint k JOIN rows_of_many c ON c.oid = k.conrelid JOIN rows_of_many p ON p.oid = k.confrelid
   WHERE k.contype = 'f' AND k.conparentid = 0 AND c.reltuples < 2000000 AND p.reltuples < 2000000 AND c.tenant_type = p.tenant_type
     AND NOT EXISTS (SELECT FROM unnest(k.conkey, k.confkey) x(a, b) WHERE x.a = c.tenant AND x.b = p.tenant))
SELECT r.relname::text AS place, 'references to other tenants' AS message,
       format($q$SELECT %L AS schema, %L AS place, n.rows || CASE WHEN n.rows >= 1000 THEN ' or more' ELSE '' END || ' rows refer to rows of ' || %L || ' that belong to another tenant' AS message,
                        jsonb_build_object('rows', n.rows)::text AS facts, %L AS proof FROM (SELECT count(*) AS rows FROM (%s) x) n WHERE n.rows > 0$q$,
              r.nspname, format('%s on %s', r.conname, r.relname), r.parent, q.sql, q.sql) AS "then"
  FROM refs r
 CROSS JOIN LATERAL (SELECT format('SELECT 1 FROM %s c JOIN %s p ON %s WHERE c.%I <> p.%I LIMIT 1000', r.child, r.parent, r.pairs, r.child_tenant, r.parent_tenant) AS sql) q
