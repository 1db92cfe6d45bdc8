-- What a gateway asks about the session that a client leaves behind at the end of a transaction: which settings differ, and
-- what of it needs this very connection. Its rows concern nobody but the caller.
--
-- p_custom: names of settings that the server does not list, because no library has declared them.
-- 'set', name, value in hex of UTF-8: a setting that may follow the client. 'odd': one that may not.
-- 'need', what: holds the connection. 'context': the tenant's context stands. 'path': the search path in force.
--
-- A view and an SQL function, parsed when they are installed, so that no search path changes their meaning; and a function in
-- PL/pgSQL, which keeps its plans: it takes a third of the time of an SQL function with the same query, which is planned at every call.
-- The function must not have a search path of its own: that would be among the settings that it lists.
CREATE OR REPLACE VIEW tenancy.session_left (kind, name, value) AS
  SELECT CASE WHEN s.context = 'user' AND length(s.setting) <= 8192
                AND s.name NOT IN ('role', 'session_authorization', 'row_security')
              THEN 'set' ELSE 'odd' END,
         s.name, encode(convert_to(left(s.setting, 8192), 'UTF8'), 'hex')
    FROM pg_settings s
   -- The context itself is no client's.
   WHERE s.source = 'session' AND s.name <> 'backtrace_functions'
  UNION ALL
  SELECT 'odd', 'role', NULL WHERE current_setting('role') <> 'none'
  UNION ALL
  SELECT 'context', NULL, NULL WHERE tenancy.tenant_id() IS NOT NULL
  UNION ALL
  SELECT DISTINCT 'need', CASE WHEN p.from_sql THEN 'statement' ELSE 'protocol statement' END, NULL
    FROM pg_prepared_statement() p WHERE p.from_sql OR p.name NOT LIKE 'tenantry\_%'
  UNION ALL
  SELECT DISTINCT 'need', 'cursor', NULL FROM pg_cursor() c WHERE c.is_holdable
  UNION ALL
  SELECT DISTINCT 'need', 'channel', NULL FROM pg_listening_channels()
  UNION ALL
  SELECT DISTINCT 'need', 'temporary table', NULL FROM pg_class r
   WHERE pg_my_temp_schema() <> 0 AND r.relnamespace = pg_my_temp_schema()
  UNION ALL
  -- All the server's locks are looked at, so only for somebody who may take any. One lock is the tenant's fence.
  SELECT 'need', 'advisory lock', NULL
   WHERE has_function_privilege(session_user, 'pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE')
     AND (SELECT count(*) FROM pg_lock_status() l WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid()) > 1;

CREATE OR REPLACE FUNCTION tenancy.custom_settings(p_custom text[])
RETURNS TABLE (kind text, name text, value text)
LANGUAGE sql VOLATILE
BEGIN ATOMIC
  SELECT CASE WHEN length(c.held) <= 8192 THEN 'set' ELSE 'odd' END,
         c.name, encode(convert_to(left(c.held, 8192), 'UTF8'), 'hex')
    FROM (SELECT n.name, current_setting(n.name, true) AS held FROM unnest(p_custom) AS n(name)) c
   WHERE c.held <> '' AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = c.name);
END;

CREATE OR REPLACE FUNCTION tenancy.session_state(p_custom text[])
RETURNS TABLE (kind text, name text, value text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $body$
BEGIN
  RETURN QUERY SELECT l.kind, l.name, l.value FROM tenancy.session_left l;
  IF pg_catalog.cardinality(p_custom) OPERATOR(pg_catalog.>) 0 THEN
    RETURN QUERY SELECT c.kind, c.name, c.value FROM tenancy.custom_settings(p_custom) c;
  END IF;
END
$body$;

-- A nonce for a client that keeps its connection and has lost the tenant's context on it (RESET ALL does that). Unlike
-- challenge(), whose silence says that a session is not clean, it does not ask what the client has prepared.
CREATE OR REPLACE FUNCTION tenancy.rechallenge() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  nonce text := tenancy.challenge();
BEGIN
  IF nonce IS NULL AND (SELECT c.context FROM tenancy.core c) = 'signed' THEN
    nonce := tenancy.session_nonce();
  ELSIF nonce IS NULL THEN
    nonce := replace(gen_random_uuid()::text, '-', '');
    PERFORM set_config('backtrace_functions', 'n_' || nonce, false);
  END IF;
  RETURN nonce;
END
$body$;
