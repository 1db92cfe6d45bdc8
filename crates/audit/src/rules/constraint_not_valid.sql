SELECT t.nspname::text AS schema, format('%s on %s', k.conname, t.relname) AS place, 'it is not validated: rows that were there before may break it' AS message,
       jsonb_build_object('definition', pg_get_constraintdef(k.oid))::text AS facts,
       CASE WHEN pg_get_constraintdef(k.oid) !~ 'NOT ENFORCED' THEN ARRAY[format('ALTER TABLE %s VALIDATE CONSTRAINT %I', t.ident, k.conname)] END AS fix
  FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND NOT k.convalidated AND k.conparentid = 0
