-- The signed context, for servers where no superuser is to be had: the tenant stands in an ordinary setting together
-- with the gateway's signature, and every use verifies it. SQL may overwrite the setting, but can't make another
-- tenant's. A token is bound to one server process and one epoch, and dies with the gate's state; a session that kept
-- its own token may use it again on that same process. Same names and signatures as the carrier's.
DO $do$
DECLARE
  login name;
BEGIN
  -- pg_stat_get_activity shows when a session began only to its own role, its members, and the monitoring roles.
  IF NOT (SELECT r.rolinherit FROM pg_catalog.pg_roles r WHERE r.rolname = 'tenantry_context') THEN
    ALTER ROLE tenantry_context INHERIT;
  END IF;
  FOREACH login IN ARRAY ARRAY[{{login_name}}, {{reader_name}}] LOOP
    IF NOT pg_catalog.pg_has_role('tenantry_context', login, 'USAGE') THEN
      -- Before 16 a membership inherits as its role does.
      EXECUTE pg_catalog.format('GRANT %I TO tenantry_context', login)
        || CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000
                THEN ' WITH INHERIT TRUE' ELSE '' END;
    END IF;
  END LOOP;
END
$do$;

-- What a token is bound to: this server process, and when it began.
CREATE OR REPLACE FUNCTION tenancy.session_nonce() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN (SELECT a.pid || '.' || (extract(epoch FROM a.backend_start) * 1000000)::bigint
          FROM pg_stat_get_activity(pg_backend_pid()) a);

CREATE OR REPLACE FUNCTION tenancy.challenge() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  parked text := current_setting('tenancy.context', true);
BEGIN
  PERFORM set_config('tenancy.context', '', false);
  -- As in the carrier's: the lock goes only when no rollback can bring a context back.
  IF coalesce(parked, '') = '' AND current_query() = 'SELECT tenancy.challenge()'
     AND statement_timestamp() = transaction_timestamp() THEN
    PERFORM pg_advisory_unlock_all();
  END IF;
  IF EXISTS (SELECT FROM pg_prepared_statement() p WHERE p.from_sql) THEN
    RETURN NULL;
  END IF;
  RETURN tenancy.session_nonce();
END
$body$;

-- Policies must call them as (SELECT tenancy.tenant_id()), so that they are verified once and not once a row. In plpgsql,
-- which keeps its plans: before 18 an SQL function that can't be inlined is planned anew at every call. They differ in
-- one thing: for a tenant that has a schema of its own there are no rows in the tables that tenants share.
DO $do$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT * FROM (VALUES ('tenant_id', 'true'), ('shared_tenant_id', $$g.placement ->> 'model' IS DISTINCT FROM 'schema'$$))
             AS v(name, condition)
  LOOP
    EXECUTE pg_catalog.format($create$
CREATE OR REPLACE FUNCTION tenancy.%I() RETURNS {{type}}
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  context text := current_setting('tenancy.context', true);
  part text[];
  held text;
BEGIN
  -- Whatever is not exactly a token is no context; nothing below can raise.
  IF context IS NULL
     OR context !~ '^[0-9]{1,9}[|][0-9]{1,18}[|][0-9]{1,18}[|][0-9a-f]{64}$' THEN
    RETURN NULL;
  END IF;
  part := string_to_array(context, '|');
  SELECT g.value INTO held
    FROM tenancy.keys k, tenancy.gate g
   WHERE k.id = part[1]::integer AND g.tenant = part[2]::bigint AND g.epoch = part[3]::bigint
     AND g.state = 'active' AND %s
     AND part[4] = encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(
           part[2] || '|' || part[3] || '|' || tenancy.session_nonce(), 'UTF8'))), 'hex');
  RETURN held::{{type}};
END
$body$;
$create$, one.name, one.condition);
  END LOOP;
END
$do$;
