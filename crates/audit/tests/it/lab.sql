-- A database that somebody made by hand, with care: nothing in it is to be found. The rules' examples change it.
-- Roles belong to the whole server, so each database has its own (app_user, app_owner are replaced by names of theirs).
CREATE ROLE app_owner NOLOGIN;
CREATE ROLE app_user LOGIN NOINHERIT PASSWORD 'a password of the lab';
REVOKE ALL ON DATABASE {{database}} FROM PUBLIC;
GRANT CONNECT ON DATABASE {{database}} TO app_user;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app_user;
GRANT USAGE, CREATE ON SCHEMA public TO app_owner;
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;

-- The tenant stands where only a superuser may write it.
CREATE SCHEMA ctx;
GRANT USAGE ON SCHEMA ctx TO app_user, app_owner;
CREATE FUNCTION ctx.tenant() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE WHEN left(current_setting('backtrace_functions'), 2) = 't_' THEN substr(current_setting('backtrace_functions'), 3)::bigint END;

CREATE TABLE projects (tenant_id bigint NOT NULL, id bigint NOT NULL, name text NOT NULL, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name));
CREATE TABLE items (tenant_id bigint NOT NULL, id bigint NOT NULL, project_id bigint NOT NULL, title text, PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, project_id) REFERENCES projects ON DELETE CASCADE);
CREATE INDEX items_project ON items (tenant_id, project_id);
CREATE TABLE notes (tenant_id bigint NOT NULL, id bigint NOT NULL, body text, PRIMARY KEY (tenant_id, id));
-- Permissive policies alone.
CREATE TABLE memos (tenant_id bigint NOT NULL, id bigint NOT NULL, body text, PRIMARY KEY (tenant_id, id));
-- The same for everybody.
CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL);
DO $do$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['projects', 'items', 'notes', 'memos'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I OWNER TO app_owner', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO app_user', t);
    IF t = 'memos' THEN
      EXECUTE format('CREATE POLICY tenant ON %I TO app_user USING (tenant_id = ctx.tenant())', t);
    ELSE
      EXECUTE format('CREATE POLICY allow ON %I TO app_user USING (true)', t);
      EXECUTE format('CREATE POLICY tenant_floor ON %I AS RESTRICTIVE USING (tenant_id = ctx.tenant())', t);
    END IF;
  END LOOP;
END
$do$;
ALTER TABLE countries OWNER TO app_owner;
GRANT SELECT ON countries TO app_user;
DO $do$
DECLARE f text;
BEGIN
  SELECT string_agg(p.oid::regprocedure::text, ', ') INTO f FROM pg_proc p
   WHERE p.pronamespace = 'pg_catalog'::regnamespace
     AND p.proname ~ '^(pg_stat_get_|pg_cancel_backend|pg_terminate_backend|pg_lock_status|pg_blocking_pids|pg_(try_)?advisory_|lo_|loread$|lowrite$|pg_prepared_xact$|pg_notify$|(query|table|schema|cursor|database)_to_xml|ts_stat$|pg_(total_)?relation_size|pg_table_size|pg_indexes_size|pg_database_size|pg_sequence_last_value|pg_export_snapshot|pg_logical_|pg_create_.*slot|setseed$)';
  EXECUTE 'REVOKE EXECUTE ON FUNCTION ' || f || ' FROM PUBLIC';
END
$do$;
