SELECT t.nspname::text AS schema, t.relname::text AS place, 'no index starts with ' || quote_ident(t.tenant_name) || ', which every query compares' AS message,
       jsonb_build_object('rows', greatest(t.reltuples, 0)::bigint, 'sequential_scans', pg_stat_get_numscans(t.oid))::text AS facts,
       CASE WHEN t.relkind = 'r' THEN ARRAY[format('CREATE INDEX CONCURRENTLY ON %s (%I)', t.ident, t.tenant_name)]
            ELSE ARRAY[format('CREATE INDEX ON %s (%I)', t.ident, t.tenant_name)] END AS fix
  FROM rows_of_many t
 WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indkey[0] = t.tenant AND i.indpred IS NULL AND i.indisvalid)
   AND NOT t.relispartition
