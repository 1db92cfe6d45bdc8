SELECT t.nspname::text AS schema, t.relname::text AS place,
       'row-level security is on and no permissive policy is for the application: it sees no rows' AS message,
       'write a policy, or revoke the privileges so that the refusal is told' AS hint,
       jsonb_build_object('policies', (SELECT count(*) FROM pg_policy p WHERE p.polrelid = t.oid))::text AS facts
  FROM tables t
 WHERE t.relrowsecurity AND t.oid NOT IN (SELECT p.table_oid FROM policies p WHERE p.polpermissive AND p.for_app)
   AND EXISTS (SELECT FROM apps a WHERE has_table_privilege(a.oid, t.oid, 'SELECT'))
