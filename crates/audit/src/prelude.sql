-- What is audited, from $1: {"apps": [role], "schemas": [{name, model, value}], "tables": [{schema, name, kind, tenant}],
-- "column": name, "ours": boolean}. MATERIALIZED, and never run where a rule does not name it.
WITH given AS MATERIALIZED (SELECT $1::text::jsonb AS g),
apps AS MATERIALIZED (
  SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls
    FROM pg_roles r WHERE r.rolname IN (SELECT jsonb_array_elements_text(g->'apps') FROM given)),
spaces AS MATERIALIZED (
  SELECT n.oid, n.nspname, s.model
    FROM given, jsonb_to_recordset(g->'schemas') AS s(name text, model text)
    JOIN pg_namespace n ON n.nspname = s.name),
-- kind: tenant (has a tenant column), derived (no tenant column, but a foreign key leads to such a table), global.
tables AS MATERIALIZED (
  SELECT c.oid, c.relname, s.nspname, s.model, t.kind, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relowner,
         c.relispartition, c.relacl, c.reltuples, a.attnum AS tenant, a.attname AS tenant_name, a.attnotnull AS tenant_not_null,
         a.atttypid AS tenant_type, format('%I.%I', s.nspname, c.relname) AS ident
    FROM given, jsonb_to_recordset(g->'tables') AS t(schema text, name text, kind text, tenant text)
    JOIN spaces s ON s.nspname = t.schema
    JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = t.name AND c.relkind IN ('r', 'p')
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = t.tenant AND NOT a.attisdropped),
-- Tables whose rows of different tenants stand side by side.
rows_of_many AS MATERIALIZED (SELECT * FROM tables WHERE kind = 'tenant' AND model = 'shared'),
-- From $2: see look/policies.sql.
policies AS MATERIALIZED (
  SELECT p.* FROM jsonb_to_recordset($2::text::jsonb) AS p(oid oid, polname name, polcmd "char", polpermissive bool, polroles oid[], seen text,
         checked text, written text, binds_seen bool, binds_written bool, for_app bool, table_oid oid, relname name, nspname name, ident text,
         model text, kind text, tenant_name name, relrowsecurity bool)),
-- What most policies of tables with the same tenant column ask.
usual AS MATERIALIZED (
  SELECT DISTINCT ON (u.tenant_name) u.tenant_name, u.seen
    FROM (SELECT p.tenant_name, p.seen, count(*) AS n FROM policies p WHERE p.binds_seen AND p.polcmd = '*' GROUP BY 1, 2) u
   ORDER BY u.tenant_name, u.n DESC, u.seen),
-- Tables where a restrictive policy for everybody and every command asks for the tenant.
floors AS MATERIALIZED (
  SELECT table_oid FROM policies
   WHERE NOT polpermissive AND polcmd = '*' AND polroles = '{0}' AND binds_seen AND binds_written)
