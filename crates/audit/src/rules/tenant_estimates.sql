, cols AS (
  SELECT t.nspname, t.relname, t.ident, t.tenant_name, c.relpages, c.reltuples, s.stanullfrac IS NOT NULL AS analyzed, c.relkind,
         pg_relation_size(c.oid) / current_setting('block_size')::bigint AS pages,
         coalesce(nullif(a.attstattarget, -1), current_setting('default_statistics_target')::int) AS target
    FROM rows_of_many t JOIN pg_class c ON c.oid = t.oid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = t.tenant
    LEFT JOIN pg_statistic s ON s.starelid = t.oid AND s.staattnum = t.tenant AND s.stainherit = (t.relkind = 'p')
   WHERE NOT t.relispartition)
-- What the planner multiplies: the tenant's part of the rows by the rows that so many pages must hold.
SELECT c.relname::text AS place, 'estimates of rows per tenant' AS message,
       CASE WHEN NOT c.analyzed THEN
         format($q$SELECT %L AS schema, %L AS place, 'the planner knows nothing about its tenants: it was never analyzed' AS message,
                          'ANALYZE it, and see that autovacuum is on for it' AS hint, jsonb_build_object('pages', %s)::text AS facts, %L AS proof, ARRAY[%L] AS fix$q$,
                c.nspname, c.relname, c.pages, format('EXPLAIN SELECT FROM %s WHERE %I = %I', c.ident, c.tenant_name, c.tenant_name), 'ANALYZE ' || c.ident)
       ELSE
         format($q$SELECT %1$L AS schema, %2$L AS place,
                          format('the planner expects %%s rows of tenant %%s where there are %%s', w.expected, w.tenant, w.rows)
                            || CASE WHEN w.wrong > 1 THEN format(' (and is wrong about %%s more tenants)', w.wrong - 1) ELSE '' END AS message,
                          'plans are chosen by it: give the column finer statistics' AS hint,
                          jsonb_build_object('expected', w.expected, 'rows', w.rows, 'tenants', w.tenants, 'tenants_wrong', w.wrong)::text AS facts,
                          format(%8$L, w.tenant) AS proof,
                          ARRAY[CASE WHEN least(w.tenants, 10000) > %6$s THEN format(%9$L, least(w.tenants, 10000)) END,
                                CASE WHEN w.tenants > 10000 THEN format(%10$L, w.tenants) END, %11$L] AS fix
                     FROM (SELECT * FROM (SELECT e.*, count(*) FILTER (WHERE e.is_wrong) OVER () AS wrong, count(*) OVER () AS tenants
                             FROM (SELECT x.*, greatest(x.rows, x.expected) >= 1000
                                          AND greatest(x.rows, x.expected) >= 10 * greatest(least(x.rows, x.expected), 1) AS is_wrong
                                     FROM (SELECT a.tenant, a.rows,
                                                  round(%5$s * coalesce(m.part, (1 - s.stanullfrac - coalesce(k.part, 0))
                                                    / greatest(CASE WHEN s.stadistinct < 0 THEN -s.stadistinct * %5$s ELSE s.stadistinct END - coalesce(k.n, 0), 1)))::bigint AS expected
                                             FROM (SELECT %4$I::text AS tenant, count(*) AS rows FROM %3$s WHERE %4$I IS NOT NULL GROUP BY 1) a
                                            CROSS JOIN (SELECT p.null_frac AS stanullfrac, p.n_distinct AS stadistinct, p.most_common_vals::text::text[] AS vals,
                                                               p.most_common_freqs AS parts FROM pg_stats p
                                                         WHERE p.schemaname = %1$L AND p.tablename = %2$L AND p.attname = %7$L ORDER BY p.inherited DESC LIMIT 1) s
                                             LEFT JOIN LATERAL (SELECT sum(f) AS part, count(*) AS n FROM unnest(s.parts) f) k ON true
                                             LEFT JOIN LATERAL (SELECT u.part FROM unnest(s.vals, s.parts) u(val, part) WHERE u.val = a.tenant LIMIT 1) m ON true) x) e) z
                            WHERE z.is_wrong ORDER BY abs(z.rows - z.expected) DESC, z.tenant LIMIT 1) w$q$,
                c.nspname, c.relname, c.ident, c.tenant_name,
                CASE WHEN c.relpages > 0 AND c.relkind = 'r' THEN (c.reltuples / c.relpages * c.pages)::numeric ELSE c.reltuples::numeric END,
                c.target, c.tenant_name,
                format('EXPLAIN (ANALYZE, TIMING OFF) SELECT FROM %s WHERE %I = %%L', c.ident, c.tenant_name),
                format('ALTER TABLE %s ALTER %I SET STATISTICS %%s', c.ident, c.tenant_name),
                format('ALTER TABLE %s ALTER %I SET (n_distinct = %%s)', c.ident, c.tenant_name),
                'ANALYZE ' || c.ident)
       END AS "then"
  FROM cols c
 WHERE CASE WHEN c.analyzed THEN c.reltuples >= 0 AND c.reltuples < 2000000 AND c.pages BETWEEN 1 AND 65536 OR c.relkind = 'p' AND c.reltuples BETWEEN 1 AND 2000000
            ELSE c.pages > 100 END
