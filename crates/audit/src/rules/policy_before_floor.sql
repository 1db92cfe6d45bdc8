SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       format('it is restrictive and comes before %s: it is asked about rows of all tenants: %s', floor.name, p.seen) AS message,
       'give it a name that comes later' AS hint,
       jsonb_build_object('using', p.seen, 'floor', floor.name)::text AS facts,
       format('SELECT polname FROM pg_policy WHERE polrelid = %L::regclass AND NOT polpermissive ORDER BY polname', p.ident) AS proof,
       -- A name that is taken, or too long, is for a person to choose.
       CASE WHEN octet_length(later.name) < 64 AND later.name COLLATE "C" > floor.name COLLATE "C"
             AND later.name NOT IN (SELECT o.polname FROM policies o WHERE o.table_oid = p.table_oid)
            THEN ARRAY[format('ALTER POLICY %I ON %s RENAME TO %I', p.polname, p.ident, later.name)] END AS fix
  FROM policies p
  -- The first of them: whatever comes after it is asked about the tenant's rows alone.
 CROSS JOIN LATERAL (
   SELECT min(f.polname::text COLLATE "C") AS name FROM policies f
    WHERE f.table_oid = p.table_oid AND NOT f.polpermissive AND f.polcmd = '*' AND f.polroles = '{0}' AND f.binds_seen AND f.binds_written) floor
 CROSS JOIN LATERAL (SELECT 'then_' || p.polname AS name) later
 WHERE NOT p.polpermissive AND p.seen IS NOT NULL AND NOT p.binds_seen AND p.relrowsecurity AND p.for_app
   AND p.polname::text COLLATE "C" < floor.name
