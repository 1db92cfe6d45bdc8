SELECT t.nspname::text AS schema, t.relname::text AS place,
       'its policy compares with a sub-select: every statement plans and locks all ' || parts.n || ' partitions' AS message,
       'compare with a cheap STABLE function without SELECT around it, and put the tenant into the query as well' AS hint,
       jsonb_build_object('partitions', parts.n, 'key', pg_get_partkeydef(t.oid))::text AS facts
  FROM rows_of_many t JOIN pg_partitioned_table pt ON pt.partrelid = t.oid
 CROSS JOIN LATERAL (SELECT count(*) AS n FROM pg_inherits i WHERE i.inhparent = t.oid) parts
 WHERE t.tenant = ANY (pt.partattrs::int2[]) AND parts.n >= 8
   AND EXISTS (SELECT FROM policies p WHERE p.table_oid = t.oid AND p.seen ~ ('^\(?' || t.tenant_name || ' = \( SELECT '))
