-- The handover, of both kinds of context. What differs is put in from isolation.rs: the setting that the context stands in, what of it
-- outlives a tenant, what a token is signed over (NULL where nobody may enter), and what sets the context and returns what the
-- next token is signed over.
--
-- It needs no answer in between. The gateway sends `leave` and `admit` in transactions of their own, in one
-- extended-query pipeline with the next client's first message and without a Sync: `leave` ends the context and clears the
-- session, its COMMIT makes that certain, `admit` enters. What fails raises, and PostgreSQL then skips everything up to the
-- client's Sync.
--
-- Both run at every change of tenant, where each expression is made ready anew: so they have few, no search path of their own, and
-- say of everything where it is.

-- RESET ALL clears the context, and a tenant's own settings with it. The fence lock stays for `admit` to give up. A role that SQL has
-- set can't be reset from inside a function that has its owner's rights, so that is refused, and the connection closed.
CREATE OR REPLACE FUNCTION tenancy.leave() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $body$
DECLARE
  kept pg_catalog.text := {{kept}};
BEGIN
  IF pg_catalog.current_setting('role') OPERATOR(pg_catalog.<>) 'none' THEN
    RAISE EXCEPTION USING MESSAGE = 'the session has another role', ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  -- plpgsql has a CLOSE of its own.
  EXECUTE 'CLOSE ALL';
  RESET ALL;
  UNLISTEN *;
  DISCARD TEMP;
  DISCARD SEQUENCES;
  IF kept IS NOT NULL THEN
    kept := pg_catalog.set_config('{{setting}}', kept, false);
  END IF;
END
$body$;

-- A token that is not good takes nothing from whoever is inside: only behind the first IF is the caller the gateway, outside a
-- client's transaction.
CREATE OR REPLACE FUNCTION tenancy.admit(p_key integer, p_tenant bigint, p_epoch bigint, p_mac text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $body$
DECLARE
  nonce pg_catalog.text := {{nonce}};
  word pg_catalog.text;
BEGIN
  -- A missing argument gives NULL here, and that is no row.
  PERFORM FROM tenancy.keys k
    WHERE k.id OPERATOR(pg_catalog.=) p_key
      AND p_mac OPERATOR(pg_catalog.=) pg_catalog.encode(pg_catalog.sha256(
            k.outer_pad OPERATOR(pg_catalog.||) pg_catalog.sha256(k.inner_pad OPERATOR(pg_catalog.||) pg_catalog.convert_to(
              p_tenant::pg_catalog.text OPERATOR(pg_catalog.||) '|' OPERATOR(pg_catalog.||) p_epoch::pg_catalog.text
                OPERATOR(pg_catalog.||) '|' OPERATOR(pg_catalog.||) nonce, 'UTF8'))), 'hex');
  IF NOT FOUND THEN
    RAISE EXCEPTION USING MESSAGE = 'refused', ERRCODE = 'TN001';
  END IF;
  -- One lock goes and the other is taken, in this order.
  IF NOT (CASE WHEN pg_catalog.pg_advisory_unlock_all() IS NOT NULL
               THEN pg_catalog.pg_try_advisory_lock_shared(tenancy.fence_key(p_tenant)) END) THEN
    RAISE EXCEPTION USING MESSAGE = 'fenced', ERRCODE = 'TN001';
  END IF;
  -- Read after the lock was taken, with a snapshot of its own. Under REPEATABLE READ the snapshot is older than the lock; then
  -- a row that somebody changed since shows it in xmax, which is read from the page as it is now.
  SELECT {{admitted}} INTO nonce
    FROM tenancy.gate g
   WHERE g.tenant OPERATOR(pg_catalog.=) p_tenant AND g.epoch OPERATOR(pg_catalog.=) p_epoch
     AND g.state OPERATOR(pg_catalog.=) 'active'
     AND (pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.=) 'read committed'
          OR g.xmax::pg_catalog.text OPERATOR(pg_catalog.=) '0');
  IF NOT FOUND THEN
    SELECT CASE WHEN g.state OPERATOR(pg_catalog.<>) 'suspended' AND g.epoch OPERATOR(pg_catalog.<>) p_epoch THEN 'stale'
                WHEN g.state OPERATOR(pg_catalog.<>) 'active' OR g.epoch OPERATOR(pg_catalog.<>) p_epoch THEN 'suspended'
                ELSE 'fenced' END
      INTO word FROM tenancy.gate g WHERE g.tenant OPERATOR(pg_catalog.=) p_tenant;
    nonce := pg_catalog.pg_advisory_unlock_all();
    RAISE EXCEPTION USING MESSAGE = coalesce(word, 'stale'), ERRCODE = 'TN001';
  END IF;
  RETURN nonce;
END
$body$;

-- The same for whoever comes with a challenge and wants an answer. It does not raise: an exception would roll the clearing
-- back and leave the previous tenant in place. Only an entry uses a nonce up: what is not one takes nothing from the gateway that
-- holds it.
CREATE OR REPLACE FUNCTION tenancy.enter(p_key integer, p_tenant bigint, p_epoch bigint, p_mac text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  challenged boolean := {{nonce}} IS NOT NULL;
BEGIN
  PERFORM set_config('{{setting}}', coalesce({{kept}}, ''), false);
  IF NOT challenged THEN
    RETURN 'refused';
  END IF;
  BEGIN
    PERFORM tenancy.admit(p_key, p_tenant, p_epoch, p_mac);
    RETURN 'entered';
  EXCEPTION WHEN SQLSTATE 'TN001' THEN
    RETURN SQLERRM;
  END;
END
$body$;
