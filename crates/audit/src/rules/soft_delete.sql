SELECT t.nspname::text AS schema, format('index %s on %s', c.relname, t.relname) AS place,
       'rows that are marked as deleted (' || quote_ident(a.attname) || ') still hold their unique values' AS message,
       'make it a unique index WHERE ' || quote_ident(a.attname) || CASE WHEN a.atttypid = 'boolean'::regtype THEN ' = false' ELSE ' IS NULL' END AS hint,
       jsonb_build_object('definition', pg_get_indexdef(i.indexrelid))::text AS facts
  FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND NOT a.attisdropped
   AND a.attname IN ('deleted_at', 'deleted', 'is_deleted', 'deleted_on', 'removed_at', 'deletedat', 'discarded_at')
  JOIN pg_index i ON i.indrelid = t.oid AND i.indisunique AND NOT i.indisprimary JOIN pg_class c ON c.oid = i.indexrelid
 WHERE a.attnum <> ALL (i.indkey::int2[]) AND coalesce(pg_get_expr(i.indpred, i.indrelid), '') !~ a.attname AND NOT t.relispartition
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conindid = i.indexrelid)
