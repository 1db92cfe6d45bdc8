-- The statements that let the reader see what the application's role may see, and take from it what would let it write: none when all
-- is as it should be. What the application's role has is found in the ACLs, so that it holds for objects of any age and
-- whoever made them. A function that runs with its owner's rights could write for whoever calls it: the reader gets none.
CREATE OR REPLACE FUNCTION tenancy.reader_grants(p_app name, p_reader name) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH who AS MATERIALIZED (
    SELECT a.oid AS app, r.oid AS reader FROM pg_roles a, pg_roles r WHERE a.rolname = p_app AND r.rolname = p_reader),
  spaces AS MATERIALIZED (
    SELECT n.oid, n.nspname, n.nspacl FROM pg_namespace n
     WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'tenancy')),
  listed AS (
    SELECT 'DATABASE' AS kind, d.oid, quote_ident(d.datname) AS name, d.datacl AS acl, '' AS part, false AS definer
      FROM pg_database d WHERE d.datname = current_database()
    UNION ALL
    SELECT 'SCHEMA', s.oid, quote_ident(s.nspname), s.nspacl, '', false FROM spaces s
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid, format('%I.%I', s.nspname, c.relname), c.relacl, '', false
      FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relacl IS NOT NULL
    UNION ALL
    SELECT 'TABLE', c.oid, format('%I.%I', s.nspname, c.relname), a.attacl, format(' (%I)', a.attname), false
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN spaces s ON s.oid = c.relnamespace
     WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'ROUTINE', p.oid, p.oid::regprocedure::text, p.proacl, '', p.prosecdef
      FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace WHERE p.proacl IS NOT NULL),
  held AS MATERIALIZED (
    SELECT l.kind, l.oid, l.name, l.definer, x.grantee, x.privilege_type AS privilege, x.privilege_type || l.part AS named
      FROM who w, listed l, aclexplode(l.acl) x WHERE x.grantee IN (w.app, w.reader)),
  wanted AS MATERIALIZED (
    SELECT h.* FROM held h, who w
     WHERE h.grantee = w.app AND NOT h.definer
       AND (h.kind, h.privilege) IN (('DATABASE', 'CONNECT'), ('SCHEMA', 'USAGE'), ('TABLE', 'SELECT'), ('ROUTINE', 'EXECUTE')))
  SELECT format('GRANT %s ON %s %s TO %I', m.named, m.kind, m.name, p_reader) FROM wanted m, who w
   WHERE NOT EXISTS (SELECT FROM held h WHERE h.grantee = w.reader AND (h.kind, h.oid, h.named) = (m.kind, m.oid, m.named))
  UNION ALL
  SELECT format('REVOKE %s ON %s %s FROM %I CASCADE', h.named, h.kind, h.name, p_reader) FROM held h, who w
   WHERE h.grantee = w.reader
     AND NOT EXISTS (SELECT FROM wanted m WHERE (m.kind, m.oid, m.named) = (h.kind, h.oid, h.named));
END;
