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
policies AS MATERIALIZED (
  SELECT p.oid, p.polname, p.polcmd, p.polpermissive, p.polroles, x.seen, x.checked,
         CASE WHEN p.polcmd IN ('a', 'w', '*') THEN coalesce(x.checked, CASE WHEN p.polcmd <> 'a' THEN x.seen END) END AS written,
         x.seen ~ x.word AS binds_seen, coalesce(x.checked, x.seen) ~ x.word AS binds_written,
         EXISTS (SELECT FROM apps a, unnest(p.polroles) r(oid)
                  WHERE CASE WHEN r.oid = 0 THEN true ELSE pg_has_role(a.oid, r.oid, 'USAGE') END) AS for_app,
         t.oid AS table_oid, t.relname, t.nspname, t.ident, t.model, t.kind, t.tenant_name, t.relrowsecurity
    FROM pg_policy p JOIN tables t ON t.oid = p.polrelid
    CROSS JOIN LATERAL (SELECT pg_get_expr(p.polqual, p.polrelid) AS seen, pg_get_expr(p.polwithcheck, p.polrelid) AS checked,
      '(^|[^a-zA-Z0-9_])"?' || regexp_replace(coalesce(t.tenant_name, ' '), '([^a-zA-Z0-9_])', '\\\1', 'g') || '"?($|[^a-zA-Z0-9_])' AS word) x),
-- Tables where a restrictive policy for everybody and every command asks for the tenant.
floors AS MATERIALIZED (
  SELECT table_oid FROM policies
   WHERE NOT polpermissive AND polcmd = '*' AND polroles = '{0}' AND binds_seen AND binds_written)
