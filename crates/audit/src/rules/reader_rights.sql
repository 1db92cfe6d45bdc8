-- Tenantry's own databases have a reader beside the application's role: {"app", "reader"} in the scope.
, readers AS MATERIALIZED (
  SELECT a.oid AS app, a.rolname AS app_name, r.oid, s.reader AS name
    FROM given, jsonb_to_recordset(g->'readers') AS s(app text, reader text)
    JOIN pg_roles a ON a.rolname = s.app
    LEFT JOIN pg_roles r ON r.rolname = s.reader),
around AS MATERIALIZED (
  SELECT n.oid, n.nspname FROM pg_namespace n
   WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'tenancy') AND EXISTS (SELECT FROM readers)),
relations AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relacl, format('%I.%I', n.nspname, c.relname) AS ident,
         CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE '' END || c.relname AS place
    FROM pg_class c JOIN around n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')),
routines AS MATERIALIZED (
  SELECT p.oid, n.nspname, p.proacl, p.prosecdef, p.oid::regprocedure::text AS ident, 'function ' || p.oid::regprocedure::text AS place
    FROM pg_proc p JOIN around n ON n.oid = p.pronamespace
   WHERE p.prorettype <> 'trigger'::regtype
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  UNION ALL
  -- It makes room for rows that are to be written.
  SELECT p.oid, 'tenancy', p.proacl, true, p.oid::regprocedure::text, 'procedure ' || p.oid::regprocedure::text
    FROM pg_proc p WHERE p.oid = to_regprocedure('tenancy.begin_copy(regclass, text[])') AND EXISTS (SELECT FROM readers))
SELECT NULL::text AS schema, 'role ' || r.app_name AS place,
       'it has no reader beside it: read-only logins can''t use this database' AS message, 'note' AS severity,
       'run `tenantry cluster add` again: it makes one' AS hint, jsonb_build_object('reader', r.name)::text AS facts, NULL::text AS proof, NULL::text[] AS fix
  FROM readers r WHERE r.oid IS NULL
UNION ALL
SELECT c.nspname::text, c.place, quote_ident(r.name) || ' may do more to it than read: ' || more.listed, 'error',
       'the reader is for logins that write nothing', jsonb_build_object('role', r.name, 'privileges', more.listed)::text,
       format('SELECT has_table_privilege(%L, %L, %L)', r.name, c.ident, more.listed),
       ARRAY(SELECT format('REVOKE %s ON %s FROM %I', x.privilege_type, c.ident, r.name) FROM aclexplode(c.relacl) x
              WHERE x.grantee = r.oid AND x.privilege_type <> 'SELECT')
       || ARRAY(SELECT format('REVOKE %s (%I) ON %s FROM %I', x.privilege_type, t.attname, c.ident, r.name)
                  FROM pg_attribute t, aclexplode(t.attacl) x WHERE t.attrelid = c.oid AND x.grantee = r.oid AND x.privilege_type <> 'SELECT')
  FROM readers r JOIN relations c ON r.oid IS NOT NULL AND c.relkind <> 'S'
 CROSS JOIN LATERAL (
   SELECT string_agg(v.privilege, ', ') AS listed FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) v(privilege)
    WHERE has_table_privilege(r.oid, c.oid, v.privilege)
       OR (v.privilege IN ('INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(r.oid, c.oid, v.privilege))) more
 WHERE more.listed IS NOT NULL
UNION ALL
SELECT c.nspname::text, c.place, quote_ident(r.name) || ' may take its numbers', 'error', 'the reader is for logins that write nothing',
       jsonb_build_object('role', r.name)::text, format('SELECT has_sequence_privilege(%L, %L, %L)', r.name, c.ident, 'USAGE, UPDATE'),
       ARRAY[format('REVOKE USAGE, UPDATE ON SEQUENCE %s FROM %I', c.ident, r.name)]
  FROM readers r JOIN relations c ON c.relkind = 'S' AND has_sequence_privilege(r.oid, c.oid, 'USAGE, UPDATE')
UNION ALL
SELECT f.nspname::text, f.place, quote_ident(r.name) || ' may execute it, and it runs with its owner''s rights', 'error',
       'it could write for a login that may not; a function with its caller''s rights could not', jsonb_build_object('role', r.name)::text,
       format('SELECT has_function_privilege(%L, %L, ''EXECUTE'')', r.name, f.ident),
       CASE WHEN has_function_privilege('public', f.oid, 'EXECUTE')
            THEN ARRAY[format('GRANT EXECUTE ON ROUTINE %s TO %I', f.ident, r.app_name), format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', f.ident)]
            ELSE ARRAY[]::text[] END || ARRAY[format('REVOKE EXECUTE ON ROUTINE %s FROM %I', f.ident, r.name)]
  FROM readers r JOIN routines f ON f.prosecdef AND has_function_privilege(r.oid, f.oid, 'EXECUTE')
UNION ALL
SELECT n.nspname::text, 'the schema', quote_ident(r.name) || ' may create things in it', 'error', 'the reader is for logins that write nothing',
       jsonb_build_object('role', r.name)::text, format('SELECT has_schema_privilege(%L, %L, ''CREATE'')', r.name, n.nspname),
       ARRAY[format('REVOKE CREATE ON SCHEMA %I FROM %I', n.nspname, r.name)]
  FROM readers r JOIN around n ON has_schema_privilege(r.oid, n.oid, 'CREATE')
UNION ALL
SELECT NULL, 'database', quote_ident(r.name) || ' may create schemas or temporary tables in it', 'error', 'the reader is for logins that write nothing',
       jsonb_build_object('role', r.name)::text, format('SELECT has_database_privilege(%L, %L, ''CREATE, TEMPORARY'')', r.name, current_database()),
       ARRAY[format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM %I', current_database(), r.name)]
  FROM readers r WHERE has_database_privilege(r.oid, current_database(), 'CREATE, TEMPORARY')
UNION ALL
SELECT c.nspname::text, c.place, quote_ident(r.name) || ' may not read it, though ' || quote_ident(r.app_name) || ' may', 'warning',
       'read-only logins see less of their tenants than others', jsonb_build_object('role', r.name)::text,
       format('SELECT has_table_privilege(%L, %L, ''SELECT'')', r.name, c.ident), ARRAY[format('GRANT SELECT ON %s TO %I', c.ident, r.name)]
  FROM readers r JOIN relations c ON r.oid IS NOT NULL AND c.relkind <> 'S'
   AND EXISTS (SELECT FROM aclexplode(c.relacl) x WHERE x.grantee = r.app AND x.privilege_type = 'SELECT') AND NOT has_table_privilege(r.oid, c.oid, 'SELECT')
UNION ALL
SELECT f.nspname::text, f.place, quote_ident(r.name) || ' may not execute it, though ' || quote_ident(r.app_name) || ' may', 'warning',
       'read-only logins can do less for their tenants than others', jsonb_build_object('role', r.name)::text,
       format('SELECT has_function_privilege(%L, %L, ''EXECUTE'')', r.name, f.ident), ARRAY[format('GRANT EXECUTE ON ROUTINE %s TO %I', f.ident, r.name)]
  FROM readers r JOIN routines f ON r.oid IS NOT NULL AND NOT f.prosecdef
   AND EXISTS (SELECT FROM aclexplode(f.proacl) x WHERE x.grantee = r.app AND x.privilege_type = 'EXECUTE') AND NOT has_function_privilege(r.oid, f.oid, 'EXECUTE')
