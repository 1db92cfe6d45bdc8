-- Tables of tenants' schemas that stand before one of the same name that is the pool's, and what makes the schema use the pool's.
SELECT g.key, c.oid::pg_catalog.regclass::text, p.oid::pg_catalog.regclass::text,
       pg_catalog.concat_ws('; ', 'BEGIN', keys.again, pg_catalog.format('DROP TABLE %s', c.oid::pg_catalog.regclass), 'COMMIT')
  FROM tenancy.gate g
  JOIN pg_catalog.pg_namespace n ON n.nspname = g.placement ->> 'schema'
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  JOIN pg_catalog.pg_class p ON p.relnamespace = 'public'::pg_catalog.regnamespace AND p.relname = c.relname AND p.relkind IN ('r', 'p')
   AND pg_catalog.string_to_array(pg_catalog.obj_description(p.oid, 'pg_class'), E'\n')
       && ARRAY['tenantry:kind=global', 'tenantry:kind=scoped']
 CROSS JOIN LATERAL (
   SELECT pg_catalog.string_agg(pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s', k.conrelid::pg_catalog.regclass,
            k.conname, pg_catalog.replace(pg_catalog.pg_get_constraintdef(k.oid),
              pg_catalog.format(' REFERENCES %s(', c.oid::pg_catalog.regclass), pg_catalog.format(' REFERENCES %s(', p.oid::pg_catalog.regclass))),
          '; ' ORDER BY k.conrelid::pg_catalog.regclass::text, k.conname) AS again
     FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid AND k.conparentid = 0) keys
 WHERE g.placement ->> 'model' = 'schema'
 ORDER BY g.tenant, 2
