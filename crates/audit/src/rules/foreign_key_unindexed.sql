SELECT t.nspname::text AS schema, format('%s on %s', k.conname, t.relname) AS place,
       'no index helps to find the rows that refer to a row of ' || k.confrelid::regclass::text AS message,
       jsonb_build_object('columns', x.columns, 'rows', greatest(t.reltuples, 0)::bigint)::text AS facts,
       CASE WHEN t.relkind = 'r' THEN ARRAY[format('CREATE INDEX CONCURRENTLY ON %s (%s)', t.ident, x.columns)]
            ELSE ARRAY[format('CREATE INDEX ON %s (%s)', t.ident, x.columns)] END AS fix
  FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' AND k.conparentid = 0
 CROSS JOIN LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) AS columns FROM unnest(k.conkey) WITH ORDINALITY u(attnum, n)
                       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = u.attnum) x
 WHERE NOT (SELECT (g->>'ours')::bool FROM given)
   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indpred IS NULL AND i.indisvalid
                    AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indpred IS NULL AND i.indisvalid AND t.tenant = ANY (k.conkey)
                    AND i.indkey[0] = t.tenant AND EXISTS (SELECT FROM unnest(k.conkey) f WHERE f <> t.tenant AND i.indkey[1] = f))
