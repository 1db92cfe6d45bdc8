-- Owners and grants of the core, and what its two kinds of users keep. Runs after everything else.
DO $do$
DECLARE
  thing record;
BEGIN
  FOR thing IN
    SELECT 'FUNCTION' AS kind, p.oid::regprocedure::text AS name FROM pg_catalog.pg_proc p
     WHERE p.pronamespace = 'tenancy'::regnamespace AND p.proowner <> 'tenantry_context'::regrole
    UNION ALL
    SELECT 'TABLE', c.oid::regclass::text FROM pg_catalog.pg_class c
     WHERE c.relnamespace = 'tenancy'::regnamespace AND c.relkind IN ('r', 'v') AND c.relowner <> 'tenantry_context'::regrole
  LOOP
    EXECUTE pg_catalog.format('ALTER %s %s OWNER TO tenantry_context', thing.kind, thing.name);
  END LOOP;
END
$do$;
REVOKE ALL ON ALL TABLES IN SCHEMA tenancy FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tenancy FROM PUBLIC;
GRANT USAGE ON SCHEMA tenancy TO tenantry_owner, {{login}}, {{reader}};
GRANT EXECUTE ON FUNCTION tenancy.tenant_id(), tenancy.shared_tenant_id(), tenancy.version() TO PUBLIC;
-- What policies, defaults and triggers of scoped tables call, for whoever writes there.
GRANT EXECUTE ON FUNCTION tenancy.visible_scopes(), tenancy.own_scope(), tenancy.writable_scopes(),
  tenancy.scope_within(bigint, bigint) TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.challenge(), tenancy.enter(integer, bigint, bigint, text), tenancy.leave(),
  tenancy.admit(integer, bigint, bigint, text), tenancy.rechallenge(), tenancy.session_state(text[]),
  tenancy.wal_position(integer, text) TO {{login}}, {{reader}};

GRANT CONNECT ON DATABASE {{database}} TO {{login}}, {{reader}};
CREATE SCHEMA IF NOT EXISTS public;
GRANT USAGE ON SCHEMA public TO {{login}}, {{reader}};
GRANT USAGE, CREATE ON SCHEMA public TO tenantry_owner;
