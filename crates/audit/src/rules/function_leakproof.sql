SELECT n.nspname::text AS schema, 'function ' || p.oid::regprocedure::text AS place, 'it is marked LEAKPROOF, so it may see rows before the policies do' AS message,
       jsonb_build_object('language', l.lanname, 'owner', p.proowner::regrole::text)::text AS facts,
       ARRAY[format('ALTER FUNCTION %s NOT LEAKPROOF', p.oid::regprocedure)] AS fix
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE p.proleakproof AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
