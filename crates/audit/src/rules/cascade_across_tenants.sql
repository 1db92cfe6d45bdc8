SELECT c.nspname::text AS schema, format('%s on %s', k.conname, c.relname) AS place,
       'deleting or changing a row of ' || p.ident || ' ' || CASE WHEN 'c' IN (k.confdeltype, k.confupdtype) THEN 'deletes or changes' ELSE 'changes' END
         || ' rows here, whichever tenant they belong to' AS message,
       'make the reference (' || quote_ident(c.tenant_name) || ', …) on both sides' AS hint,
       jsonb_build_object('definition', pg_get_constraintdef(k.oid))::text AS facts,
       format('SELECT pg_get_constraintdef(%s)', k.oid) AS proof
  FROM pg_constraint k JOIN rows_of_many c ON c.oid = k.conrelid JOIN rows_of_many p ON p.oid = k.confrelid
 WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
   AND NOT EXISTS (SELECT FROM unnest(k.conkey, k.confkey) x(a, b) WHERE x.a = c.tenant AND x.b = p.tenant)
