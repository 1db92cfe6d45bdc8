-- The privileged carrier: the tenant stands in a setting that only a superuser may write, and this schema's owner,
-- who was granted SET on it. The setting is harmless: it names C functions whose errors get a backtrace in the log.
-- It holds '' (nobody), 'n_<nonce>' (challenged) or 't_<value>' (inside a tenant).
--
-- Neither function raises: an exception would roll the clearing back and leave the previous tenant in place.
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
  nonce text;
BEGIN
  PERFORM set_config('backtrace_functions', '', false);
  -- A message of exactly this text, in which the transaction began: what the setting held then was committed, and
  -- it was no tenant. (A message that follows another in its transaction has a later time than the transaction.)
  IF left(parked, 2) <> 't_' AND current_query() = 'SELECT tenancy.challenge()'
     AND statement_timestamp() = transaction_timestamp() THEN
    PERFORM pg_advisory_unlock_all();
  END IF;
  -- A statement prepared by SQL would outlive the reset that came before: the session is not clean.
  IF EXISTS (SELECT FROM pg_prepared_statement() p WHERE p.from_sql) THEN
    RETURN NULL;
  END IF;
  nonce := replace(gen_random_uuid()::text, '-', '');
  PERFORM set_config('backtrace_functions', 'n_' || nonce, false);
  RETURN nonce;
END
$body$;

CREATE OR REPLACE FUNCTION tenancy.enter(p_key integer, p_tenant bigint, p_epoch bigint, p_mac text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  parked text := current_setting('backtrace_functions');
  expected text;
  gate record;
BEGIN
  PERFORM set_config('backtrace_functions', '', false);
  SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(
           p_tenant || '|' || p_epoch || '|' || substr(parked, 3), 'UTF8'))), 'hex')
    INTO expected FROM tenancy.keys k WHERE k.id = p_key;
  -- An unknown key and a missing argument both give NULL here, and NULL must not equal NULL.
  IF left(parked, 2) <> 'n_' OR expected IS NULL OR p_mac IS NULL OR p_mac <> expected THEN
    RETURN 'refused';
  END IF;
  -- From here on the caller is the gateway, outside a client's transaction.
  PERFORM pg_advisory_unlock_all();
  IF NOT pg_try_advisory_lock_shared(tenancy.fence_key(p_tenant)) THEN
    RETURN 'fenced';
  END IF;
  -- Read after the lock was taken, with a snapshot of its own. Under REPEATABLE READ the snapshot is older than the
  -- lock; then a row that somebody changed since shows it in xmax, which is read from the page as it is now.
  SELECT g.value, g.epoch, g.state, g.xmax::text <> '0' AS touched
    INTO gate FROM tenancy.gate g WHERE g.tenant = p_tenant;
  IF gate.value IS NULL THEN
    PERFORM pg_advisory_unlock_all();
    RETURN 'stale';
  END IF;
  IF gate.state = 'suspended' OR gate.epoch <> p_epoch OR gate.state <> 'active' THEN
    PERFORM pg_advisory_unlock_all();
    RETURN CASE WHEN gate.epoch <> p_epoch AND gate.state <> 'suspended' THEN 'stale' ELSE 'suspended' END;
  END IF;
  IF gate.touched AND current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM pg_advisory_unlock_all();
    RETURN 'fenced';
  END IF;
  PERFORM set_config('backtrace_functions', 't_' || replace(gate.value, '-', ''), false);
  RETURN 'entered';
END
$body$;

-- What policies and column defaults call: inlined, parallel safe; no tenant gives NULL, and so no rows.
CREATE OR REPLACE FUNCTION tenancy.tenant_id() RETURNS {{type}}
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN pg_catalog.left(pg_catalog.current_setting('backtrace_functions'), 2) OPERATOR(pg_catalog.=) 't_'
            THEN pg_catalog.substr(pg_catalog.current_setting('backtrace_functions'), 3)::{{type}} END;
