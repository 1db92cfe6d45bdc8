-- Foreign keys of a tenant's schema to tables outside it. A partition's are dropped with its parent's.
SELECT k.conrelid::pg_catalog.regclass::text || ' and ' || k.confrelid::pg_catalog.regclass::text,
       pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', k.conrelid::pg_catalog.regclass, k.conname)
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace AND n.nspname = $1
  JOIN pg_catalog.pg_class there ON there.oid = k.confrelid AND there.relnamespace <> n.oid
 WHERE k.contype = 'f' AND k.conparentid = 0
 ORDER BY k.confrelid, k.conrelid, k.conname
