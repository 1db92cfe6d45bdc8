-- What is installed, whether PUBLIC's surface is closed, and the login's connection limit (NULL: no such login, or one
-- that may do more than connect).
SELECT c.version, c.context, c.tenant_type,
       NOT EXISTS (SELECT FROM tenancy.surface()),
       (SELECT r.rolconnlimit FROM pg_catalog.pg_roles r
         WHERE r.rolname = $1::text AND r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls AND NOT r.rolinherit
           AND NOT r.rolcreatedb AND NOT r.rolcreaterole AND NOT r.rolreplication
           AND has_database_privilege(r.oid, current_database(), 'CONNECT')
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid))
  FROM tenancy.core c
