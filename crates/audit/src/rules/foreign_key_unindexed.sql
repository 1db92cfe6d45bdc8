-- Where tenants' rows stand side by side, the index begins with the tenant: the reference itself ought to.
, keys AS (
  SELECT t.nspname, t.relname, t.ident, t.relkind, t.reltuples, t.oid AS table_oid, k.conname, k.confrelid,
         CASE WHEN t.kind = 'tenant' AND t.model = 'shared' AND t.tenant IS NOT NULL AND t.tenant <> ALL (k.conkey)
              THEN t.tenant || k.conkey ELSE k.conkey END AS conkey, t.tenant
    FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' AND k.conparentid = 0
   WHERE NOT (SELECT (g->>'ours')::bool FROM given))
SELECT k.nspname::text AS schema, format('%s on %s', k.conname, k.relname) AS place,
       'no index helps to find the rows that refer to a row of ' || k.confrelid::regclass::text AS message,
       jsonb_build_object('columns', x.columns, 'rows', greatest(k.reltuples, 0)::bigint)::text AS facts,
       CASE WHEN k.relkind = 'r' THEN ARRAY[format('CREATE INDEX CONCURRENTLY ON %s (%s)', k.ident, x.columns)]
            ELSE ARRAY[format('CREATE INDEX ON %s (%s)', k.ident, x.columns)] END AS fix
  FROM keys k
 CROSS JOIN LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) AS columns FROM unnest(k.conkey) WITH ORDINALITY u(attnum, n)
                       JOIN pg_attribute a ON a.attrelid = k.table_oid AND a.attnum = u.attnum) x
 WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.table_oid AND i.indpred IS NULL AND i.indisvalid
                    AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.table_oid AND i.indpred IS NULL AND i.indisvalid AND k.tenant = ANY (k.conkey)
                    AND i.indkey[0] = k.tenant AND EXISTS (SELECT FROM unnest(k.conkey) f WHERE f <> k.tenant AND i.indkey[1] = f))
