-- A login role, the application's or the reader: may connect, and owns, inherits and creates nothing.
DO $do$
DECLARE
  held record;
BEGIN
  SELECT r.rolcanlogin, r.rolsuper, r.rolinherit, r.rolcreatedb, r.rolcreaterole, r.rolreplication,
         r.rolbypassrls, r.rolconnlimit
    INTO held FROM pg_catalog.pg_roles r WHERE r.rolname = {{login_name}};
  IF NOT FOUND THEN
    CREATE ROLE {{login}} LOGIN NOINHERIT CONNECTION LIMIT {{connection_limit}} PASSWORD {{verifier}};
  ELSIF held.rolsuper OR held.rolbypassrls OR held.rolreplication OR held.rolcreaterole OR held.rolcreatedb
     OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m
                 WHERE m.member = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = {{login_name}})) THEN
    RAISE EXCEPTION 'role % exists and may do more than connect', {{login_name}}
      USING ERRCODE = 'object_in_use', HINT = 'drop that role, or give the database another name';
  ELSE
    ALTER ROLE {{login}} LOGIN NOINHERIT CONNECTION LIMIT {{connection_limit}} PASSWORD {{verifier}};
    -- What someone set on the role would apply to every tenant's next session.
    ALTER ROLE {{login}} RESET ALL;
    ALTER ROLE {{login}} IN DATABASE {{database}} RESET ALL;
  END IF;
END
$do$;
