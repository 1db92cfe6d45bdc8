-- The privileged carrier: the tenant stands in a setting that only a superuser may write, and this schema's owner,
-- who was granted SET on it. The setting is harmless: it names C functions whose errors get a backtrace in the log.
-- It holds '' (nobody), 'n_<nonce>' (challenged), 't_<nonce><value>' (inside a tenant) or 's_<nonce><value>' (inside a
-- tenant that has a schema of its own, and so no rows in the pool's tenant tables). A nonce is 32 digits; beside a tenant it
-- is that of the next entry, which may follow without another challenge (leave, admit).
--
-- What clears does not raise: an exception would roll the clearing back and leave the previous tenant in place.
-- Settings are transactional, session locks are not. So a lock is given up only when it is certain that no rollback
-- can bring the tenant's context back; else `BEGIN; SELECT tenancy.challenge(); ROLLBACK` would be a way to
-- stay inside a tenant without holding its fence.
DO $do$
BEGIN
  IF NOT pg_catalog.has_parameter_privilege('tenantry_context', 'backtrace_functions', 'SET') THEN
    GRANT SET ON PARAMETER backtrace_functions TO tenantry_context;
  END IF;
END
$do$;

CREATE OR REPLACE FUNCTION tenancy.challenge() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  parked text := current_setting('backtrace_functions');
  -- One that was issued and not used up stays: whoever asks in the middle of a tenant's session takes nothing from the
  -- gateway that holds it.
  nonce text := coalesce(nullif(substr(parked, 3, 32), ''), replace(gen_random_uuid()::text, '-', ''));
BEGIN
  PERFORM set_config('backtrace_functions', '', false);
  -- A message of exactly this text, in which the transaction began: what the setting held then was committed, and
  -- it was no tenant. (A message that follows another in its transaction has a later time than the transaction.)
  IF (parked = '' OR left(parked, 2) = 'n_') AND current_query() = 'SELECT tenancy.challenge()'
     AND statement_timestamp() = transaction_timestamp() THEN
    PERFORM pg_advisory_unlock_all();
  END IF;
  -- A statement prepared by SQL would outlive the reset that came before: the session is not clean.
  IF EXISTS (SELECT FROM pg_prepared_statement() p WHERE p.from_sql) THEN
    RETURN NULL;
  END IF;
  PERFORM set_config('backtrace_functions', 'n_' || nonce, false);
  RETURN nonce;
END
$body$;

-- No tenant gives NULL, and so no rows. This one is for whatever asks who it is: column defaults, scopes, the floor of a
-- tenant's own schema.
--
-- In PL/pgSQL: an SQL function would be inlined, which costs every plan of a statement 9 µs where a call costs 0.4. They are
-- called when a plan is made, for the estimate, and once per scan of an index. The cost says so that a call is dear beside
-- PostgreSQL's own operators: a scan of a whole table would make one for each row, and an index is faster then.
CREATE OR REPLACE FUNCTION tenancy.tenant_id() RETURNS {{type}}
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 30 AS $body$
BEGIN
  RETURN CASE WHEN pg_catalog.left(pg_catalog.current_setting('backtrace_functions'), 2)
                   OPERATOR(pg_catalog.=) ANY (ARRAY['t_', 's_'])
              THEN pg_catalog.substr(pg_catalog.current_setting('backtrace_functions'), 35)::{{system_type}} END;
END
$body$;

-- The floor of the tables that tenants share: NULL, too, for a tenant that has a schema of its own. It is part of every
-- plan, so it has as few parts as can be.
CREATE OR REPLACE FUNCTION tenancy.shared_tenant_id() RETURNS {{type}}
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 30 AS $body$
BEGIN
  RETURN CASE WHEN pg_catalog.current_setting('backtrace_functions') OPERATOR(pg_catalog.^@) 't_'
              THEN pg_catalog.substr(pg_catalog.current_setting('backtrace_functions'), 35)::{{system_type}} END;
END
$body$;
