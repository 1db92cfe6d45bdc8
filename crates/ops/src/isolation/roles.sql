-- The cluster-wide roles. Each statement looks first: a change that is not needed would only collide with another
-- database's installation (roles are shared by all databases, advisory locks are not).
DO $do$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tenantry_owner') THEN
    CREATE ROLE tenantry_owner NOLOGIN NOINHERIT;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tenantry_context') THEN
    CREATE ROLE tenantry_context NOLOGIN INHERIT;
  END IF;
  -- An administrator who is no superuser must be a member of a role to give it objects.
  IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    IF NOT pg_catalog.pg_has_role(current_user, 'tenantry_owner', 'MEMBER') THEN
      EXECUTE pg_catalog.format('GRANT tenantry_owner TO %I', current_user);
    END IF;
    IF NOT pg_catalog.pg_has_role(current_user, 'tenantry_context', 'MEMBER') THEN
      EXECUTE pg_catalog.format('GRANT tenantry_context TO %I', current_user);
    END IF;
  END IF;
END
$do$;
