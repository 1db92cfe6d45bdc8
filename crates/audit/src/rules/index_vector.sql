SELECT t.nspname::text AS schema, format('index %s on %s', c.relname, t.relname) AS place,
       'it searches among the rows of all tenants and filters afterwards: small tenants get too few neighbours, or none' AS message,
       'set hnsw.iterative_scan = relaxed_order (pgvector 0.8), partition by tenant, or give big tenants a place of their own' AS hint,
       jsonb_build_object('method', m.amname)::text AS facts
  FROM rows_of_many t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
 WHERE m.amname IN ('hnsw', 'ivfflat', 'vchordrq', 'diskann') AND NOT t.relispartition
