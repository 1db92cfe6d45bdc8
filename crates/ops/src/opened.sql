-- Whether a tenant's own database lets its login ($1) do what is taken away where tenants share one.
-- Who is no superuser could not give languages and system functions, and has not taken them.
SELECT pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'TEMP')
  AND (pg_catalog.current_setting('is_superuser') <> 'on'
    OR pg_catalog.has_language_privilege(r.oid, 'plpgsql', 'USAGE')
      AND pg_catalog.has_language_privilege(r.oid, 'sql', 'USAGE')
      AND pg_catalog.has_function_privilege(r.oid, 'pg_catalog.pg_notify(text, text)', 'EXECUTE'))
FROM pg_catalog.pg_roles r WHERE r.rolname = $1
