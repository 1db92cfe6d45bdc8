, pairs AS (
  SELECT DISTINCT t.oid, t.nspname, t.relname, t.ident, t.tenant_name, a.attname
    FROM rows_of_many t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
   CROSS JOIN LATERAL unnest(k.conkey) x(attnum)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.attnum
   WHERE t.relkind = 'r' AND NOT t.relispartition AND t.reltuples BETWEEN 10000 AND 1000000 AND x.attnum <> t.tenant
     AND NOT EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = t.oid AND 'f' = ANY (e.stxkind)
                      AND t.tenant = ANY (e.stxkeys::int2[]) AND x.attnum = ANY (e.stxkeys::int2[])))
SELECT p.relname::text AS place, 'columns that go with the tenant' AS message,
       format($q$SELECT %1$L AS schema, %2$L AS place,
                        format('the planner expects %%s rows of a tenant and a %%s together where there are %%s on average', n.expected, %5$L::text, n.average) AS message,
                        'it multiplies as if the two had nothing to do with each other: tell it with CREATE STATISTICS' AS hint,
                        jsonb_build_object('tenants', n.tenants, 'values', n.vals, 'pairs', n.pairs, 'rows', n.rows)::text AS facts, %7$L AS proof,
                        ARRAY[%8$L, %9$L] AS fix
                   FROM (SELECT c.*, greatest(c.rows / greatest(c.tenants * c.vals, 1), 1) AS expected, c.rows / greatest(c.pairs, 1) AS average
                           FROM (SELECT sum(g.n)::bigint AS rows, count(*) AS pairs, count(DISTINCT g.tenant) AS tenants, count(DISTINCT g.val) AS vals
                                   FROM (SELECT %4$I AS tenant, %5$I AS val, count(*) AS n FROM %3$s WHERE %5$I IS NOT NULL GROUP BY 1, 2) g) c) n
                  WHERE n.average >= 100 AND n.average >= 10 * n.expected$q$,
              p.nspname, p.relname, p.ident, p.tenant_name, p.attname, NULL,
              format('EXPLAIN (ANALYZE, TIMING OFF) SELECT FROM %1$s WHERE (%2$I, %3$I) = (SELECT %2$I, %3$I FROM %1$s WHERE %3$I IS NOT NULL LIMIT 1)',
                     p.ident, p.tenant_name, p.attname),
              format('CREATE STATISTICS %I.%I (dependencies) ON %I, %I FROM %s', p.nspname, left(p.relname || '_' || p.attname, 53) || '_of_tenant',
                     p.tenant_name, p.attname, p.ident),
              'ANALYZE ' || p.ident) AS "then"
  FROM pairs p
