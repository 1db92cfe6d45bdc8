SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'it looks at the name of the role, which SET ROLE changes' AS message,
       'compare with a tenant context that the database verifies' AS hint,
       jsonb_build_object('using', p.seen)::text AS facts
  FROM policies p
 WHERE p.kind = 'tenant' AND p.seen ~* '(^|[^a-z_])"?(current_user|current_role)"?($|[^a-z_])'
UNION ALL
SELECT p.nspname::text, p.relname::text,
       'it has ' || count(*) || ' policies, each for other roles: every statement checks which of them are its own',
       'one policy that compares the tenant column with a context does for all tenants',
       jsonb_build_object('policies', count(*))::text
  FROM policies p WHERE p.polroles <> '{0}' GROUP BY p.nspname, p.relname HAVING count(*) > 50
