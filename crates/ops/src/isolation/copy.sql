-- COPY FROM under row-level security, which PostgreSQL refuses: the rows are read into a table of the session's own, by COPY itself,
-- and go from there into the tenant's table by an INSERT, which row-level security and its policies judge row by row.
--
-- The application's role may make no temporary table. This one has no more than the columns asked for, is empty, and is gone when
-- the transaction ends; the caller may fill and read it and nothing else. Errors are those of COPY, in its words.
CREATE OR REPLACE PROCEDURE tenancy.begin_copy(p_table regclass, p_columns text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  into_table pg_class;
  wanted text;
  generated "char";
  seen text[] := '{}';
BEGIN
  SELECT c.* INTO STRICT into_table FROM pg_class c WHERE c.oid = p_table;
  IF current_setting('transaction_read_only')::boolean THEN
    RAISE EXCEPTION 'cannot execute COPY FROM in a read-only transaction' USING ERRCODE = 'read_only_sql_transaction';
  END IF;
  IF into_table.relkind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION 'cannot copy to "%"', into_table.relname USING ERRCODE = 'wrong_object_type';
  END IF;
  IF NOT has_any_column_privilege(session_user, p_table, 'INSERT') THEN
    RAISE EXCEPTION 'permission denied for table %', into_table.relname USING ERRCODE = 'insufficient_privilege';
  END IF;
  FOREACH wanted IN ARRAY p_columns LOOP
    SELECT a.attgenerated INTO generated FROM pg_attribute a
     WHERE a.attrelid = p_table AND a.attname = wanted AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'column "%" of relation "%" does not exist', wanted, into_table.relname
        USING ERRCODE = 'undefined_column';
    ELSIF generated <> '' THEN
      RAISE EXCEPTION 'column "%" is a generated column', wanted
        USING ERRCODE = 'invalid_column_reference', DETAIL = 'Generated columns cannot be used in COPY.';
    ELSIF wanted = ANY (seen) THEN
      RAISE EXCEPTION 'column "%" specified more than once', wanted USING ERRCODE = 'duplicate_column';
    END IF;
    seen := seen || wanted;
  END LOOP;
  -- Of an earlier COPY in the same transaction.
  IF to_regclass('pg_temp.tenantry_copy') IS NOT NULL THEN
    DROP TABLE pg_temp.tenantry_copy;
  END IF;
  -- Types, their modifiers and collations, and no constraint: triggers may still mend what is not valid yet.
  EXECUTE format('CREATE TEMPORARY TABLE tenantry_copy ON COMMIT DROP AS SELECT %s FROM %s WITH NO DATA',
    (SELECT string_agg(quote_ident(s.name), ', ' ORDER BY s.nth) FROM unnest(seen) WITH ORDINALITY s(name, nth)),
    p_table);
  EXECUTE format('GRANT SELECT, INSERT ON pg_temp.tenantry_copy TO %I', session_user);
END
$body$;
ALTER PROCEDURE tenancy.begin_copy(regclass, text[]) OWNER TO tenantry_context;
REVOKE ALL ON PROCEDURE tenancy.begin_copy(regclass, text[]) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE tenancy.begin_copy(regclass, text[]) TO {{login}};
-- The right to make it, and to name the types of its columns. Neither reaches whoever calls.
GRANT TEMPORARY ON DATABASE {{database}} TO tenantry_context;
CREATE SCHEMA IF NOT EXISTS public;
GRANT USAGE ON SCHEMA public TO tenantry_context;
-- Tenants' own schemas that are here already.
DO $do$
DECLARE
  own name;
BEGIN
  FOR own IN
    SELECT n.nspname FROM pg_namespace n, aclexplode(n.nspacl) x
     WHERE x.grantee = (SELECT r.oid FROM pg_roles r WHERE r.rolname = {{login_name}}) AND x.privilege_type = 'USAGE'
       AND n.nspname NOT IN ('public', 'tenancy')
       AND NOT has_schema_privilege('tenantry_context', n.oid, 'USAGE')
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO tenantry_context', own);
  END LOOP;
END
$do$;
