-- The privileged carrier: the tenant stands in a setting that only a superuser may write, and this schema's owner,
-- who was granted SET on it. The setting is harmless: it names C functions whose errors get a backtrace in the log.
-- It holds '' (nobody), 'n_<nonce>' (challenged), 't_<nonce><value>' (inside a tenant) or 's_<nonce><value>' (inside a
-- tenant that has a schema of its own, and so no rows in the pool's tenant tables). A nonce is 32 digits; beside a tenant it
-- is that of the next entry, which may follow without another challenge (leave, admit).
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

-- Runs at every change of tenant, so it calls functions by assigning what they return: a PERFORM is a query.
CREATE OR REPLACE FUNCTION tenancy.enter(p_key integer, p_tenant bigint, p_epoch bigint, p_mac text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  parked text := current_setting('backtrace_functions');
  expected text;
  gate_value text;
  gate_epoch bigint;
  gate_state text;
  prefix text;
  touched boolean;
  ignored text;
BEGIN
  -- Nobody, until it is certain who. Only an entry uses the nonce up: a wrong signature takes nothing from the gateway.
  ignored := set_config('backtrace_functions', CASE WHEN parked = '' THEN '' ELSE 'n_' || substr(parked, 3, 32) END, false);
  SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(
           p_tenant || '|' || p_epoch || '|' || substr(parked, 3), 'UTF8'))), 'hex')
    INTO expected FROM tenancy.keys k WHERE k.id = p_key;
  -- An unknown key and a missing argument both give NULL here, and NULL must not equal NULL.
  IF left(parked, 2) <> 'n_' OR expected IS NULL OR p_mac IS NULL OR p_mac <> expected THEN
    RETURN 'refused';
  END IF;
  -- From here on the caller is the gateway, outside a client's transaction.
  ignored := pg_advisory_unlock_all();
  IF NOT pg_try_advisory_lock_shared(tenancy.fence_key(p_tenant)) THEN
    RETURN 'fenced';
  END IF;
  -- Read after the lock was taken, with a snapshot of its own.
  SELECT g.value, g.epoch, g.state, CASE WHEN g.placement ->> 'model' = 'schema' THEN 's_' ELSE 't_' END
    INTO gate_value, gate_epoch, gate_state, prefix FROM tenancy.gate g WHERE g.tenant = p_tenant;
  IF gate_value IS NULL THEN
    ignored := pg_advisory_unlock_all();
    RETURN 'stale';
  END IF;
  IF gate_epoch <> p_epoch OR gate_state <> 'active' THEN
    ignored := pg_advisory_unlock_all();
    RETURN CASE WHEN gate_epoch <> p_epoch AND gate_state <> 'suspended' THEN 'stale' ELSE 'suspended' END;
  END IF;
  -- Under REPEATABLE READ the snapshot is older than the lock; then a row that somebody changed since shows it in xmax,
  -- which is read from the page as it is now.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    SELECT g.xmax::text <> '0' INTO touched FROM tenancy.gate g WHERE g.tenant = p_tenant;
    IF touched IS NOT FALSE THEN
      ignored := pg_advisory_unlock_all();
      RETURN 'fenced';
    END IF;
  END IF;
  -- The next nonce is half of the signature that was just used up: without the key as good as random, and never again the
  -- same, for it is signed over the one before. The setting takes no hyphens, which a uuid can do without.
  ignored := set_config('backtrace_functions', prefix || left(expected, 32) || replace(gate_value, '-', ''), false);
  RETURN 'entered';
END
$body$;

-- The two halves of a handover that needs no answer in between. The gateway sends them in transactions of their own, in
-- one extended-query pipeline with the next client's first message and without a Sync: `leave` ends the context and clears
-- the session, its COMMIT makes that certain, `admit` enters with the nonce that the admission before returned. What
-- fails raises, and PostgreSQL then skips everything up to the client's Sync.
--
-- RESET ALL clears the setting, and a tenant's own settings with it; the nonce is put back. Settings persist although this
-- function has a SET clause of its own: RESET overrides it. The fence lock stays for `admit` to give up.
CREATE OR REPLACE FUNCTION tenancy.leave() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  parked text := current_setting('backtrace_functions');
BEGIN
  -- plpgsql has a CLOSE of its own.
  EXECUTE 'CLOSE ALL';
  RESET ALL;
  UNLISTEN *;
  DISCARD TEMP;
  DISCARD SEQUENCES;
  -- From here on the search path is the session's.
  IF pg_catalog.left(parked, 2) OPERATOR(pg_catalog.=) ANY (ARRAY['t_', 's_', 'n_']) THEN
    parked := pg_catalog.set_config('backtrace_functions',
      pg_catalog.concat('n_', pg_catalog.substr(parked, 3, 32)), false);
  END IF;
END
$body$;

-- Returns the nonce of the next admission on this session. It has no rights of its own: `enter` has them.
CREATE OR REPLACE FUNCTION tenancy.admit(p_key integer, p_tenant bigint, p_epoch bigint, p_mac text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $body$
DECLARE
  answer pg_catalog.text := tenancy.enter(p_key, p_tenant, p_epoch, p_mac);
BEGIN
  IF answer OPERATOR(pg_catalog.<>) 'entered' THEN
    RAISE EXCEPTION USING MESSAGE = answer, ERRCODE = 'TN001';
  END IF;
  RETURN pg_catalog.substr(pg_catalog.current_setting('backtrace_functions'), 3, 32);
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
