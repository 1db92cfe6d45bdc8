, keys AS (
  SELECT i.indexrelid, i.indrelid, k.n, k.attnum, c.oid AS opclass, c.opcname, c.opcfamily, c.opcintype
    FROM rows_of_many t JOIN pg_index i ON i.indrelid = t.oid AND t.relrowsecurity AND NOT t.relispartition
   CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
    JOIN pg_opclass c ON c.oid = i.indclass[k.n - 1]
   WHERE k.n <= i.indnkeyatts AND k.attnum IS DISTINCT FROM t.tenant),
leaky AS (
  SELECT k.*, CASE WHEN k.attnum = 0 THEN pg_get_indexdef(k.indexrelid, k.n::int, true)
                   ELSE (SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = k.indrelid AND a.attnum = k.attnum) END AS key,
         (SELECT string_agg(DISTINCT o.oprname, ' ') FROM pg_amop m JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_proc p ON p.oid = o.oprcode
           WHERE m.amopfamily = k.opcfamily AND m.amopmethod = (SELECT opcmethod FROM pg_opclass WHERE oid = k.opclass)
             AND m.amopstrategy <> 0 AND m.amoppurpose = 's' AND NOT p.proleakproof) AS operators,
         NOT EXISTS (SELECT FROM pg_amop m JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_proc p ON p.oid = o.oprcode
           WHERE m.amopfamily = k.opcfamily AND m.amopmethod = (SELECT opcmethod FROM pg_opclass WHERE oid = k.opclass)
             AND m.amoppurpose = 's' AND p.proleakproof
             AND (m.amoplefttype = k.opcintype OR k.opcintype IN ('anyarray'::regtype, 'anyenum'::regtype, 'anyrange'::regtype))) AS no_operator,
         k.attnum = 0 AND EXISTS (
           SELECT FROM regexp_matches(pg_get_indexdef(k.indexrelid, k.n::int, false), '([a-z_][a-z0-9_]*)\(', 'g') f
             JOIN pg_proc p ON p.proname = f[1] AND NOT p.proleakproof) AS leaky_function
    FROM keys k)
SELECT t.nspname::text AS schema, format('index %s on %s', c.relname, t.relname) AS place,
       CASE WHEN bool_or(l.leaky_function) THEN 'queries cannot use it under row-level security: a function in ' || string_agg(l.key, ', ') || ' is not leakproof'
            ELSE 'queries cannot use ' || string_agg(l.key, ', ' ORDER BY l.n) || ' of it under row-level security: its operators are not leakproof' END AS message,
       'use a type or operator that is (text, bigint, ^@, a generated column), or give tenants that need it a place of their own' AS hint,
       jsonb_build_object('opclasses', jsonb_agg(DISTINCT l.opcname), 'operators', string_agg(DISTINCT l.operators, ' '))::text AS facts
  FROM leaky l JOIN pg_class c ON c.oid = l.indexrelid JOIN rows_of_many t ON t.oid = l.indrelid
  JOIN pg_am m ON m.oid = c.relam
 WHERE (l.no_operator OR l.leaky_function) AND m.amname NOT IN ('hnsw', 'ivfflat') AND NOT (SELECT (g->>'ours')::bool FROM given)
 GROUP BY t.nspname, t.relname, c.relname
