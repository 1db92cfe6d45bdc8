SELECT r.nspname::text AS schema, format('trigger %s on %s', t.tgname, r.relname) AS place,
       'its function ' || p.oid::regproc::text || ' runs as ' || quote_ident(o.rolname) || ', whom no policy binds' AS message,
       jsonb_build_object('function', p.oid::regprocedure::text, 'owner', o.rolname)::text AS facts,
       ARRAY[format('ALTER FUNCTION %s SECURITY INVOKER', p.oid::regprocedure)] AS fix
  FROM rows_of_many r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
  JOIN pg_proc p ON p.oid = t.tgfoid AND p.prosecdef JOIN pg_roles o ON o.oid = p.proowner
 WHERE o.rolsuper OR o.rolbypassrls OR EXISTS (SELECT FROM rows_of_many s WHERE s.relowner = o.oid AND NOT s.relforcerowsecurity)
