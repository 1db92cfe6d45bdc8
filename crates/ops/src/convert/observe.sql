-- Policies hold functions by their ids, so nobody needs a right on the schema.
-- Called by the floor for a row that it would keep from the caller, once for each such row: says yes, and writes down that it
-- would have said no, once for each table, kind of access and transaction. What a transaction that only reads does can't be
-- written into a table: it goes to the server's log. Nothing waits for anything here: rows are only inserted, and counted by
-- a sequence, of which the first ten thousand are kept.
CREATE OR REPLACE FUNCTION tenancy_convert.observed(p_relation text, p_tenant {{type}}, p_access text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  seen text := coalesce(current_setting('tenancy.observed', true), '');
  mark text := p_access || ':' || p_relation || ';';
BEGIN
  IF strpos(seen, mark) > 0 THEN
    RETURN true;
  END IF;
  PERFORM set_config('tenancy.observed', seen || mark, true);
  IF current_setting('transaction_read_only')::boolean THEN
    RAISE LOG 'tenantry: % of table % by % would be refused (read-only transaction)', p_access, p_relation, session_user;
    RETURN true;
  END IF;
  IF nextval('tenancy.violations_seen') <= 10000 THEN
    INSERT INTO tenancy.violation (relation, access, context, row_tenant, login, application, statement)
    VALUES (p_relation, p_access, tenancy.tenant_id()::text, p_tenant::text, session_user,
            current_setting('application_name'), left(current_query(), 500));
  END IF;
  RETURN true;
END
$body$;
GRANT EXECUTE ON FUNCTION tenancy_convert.observed(text, {{type}}, text) TO PUBLIC;
