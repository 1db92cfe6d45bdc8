-- What the isolation core says: its context, and the roles that may enter a tenant.
SELECT c.context, c.tenant_type,
       ARRAY(SELECT r.rolname::text FROM pg_proc p, aclexplode(p.proacl) x JOIN pg_roles r ON r.oid = x.grantee
              WHERE p.oid = to_regprocedure('tenancy.enter(integer, bigint, bigint, text)') AND r.rolcanlogin
                AND NOT r.rolsuper ORDER BY 1)
  FROM tenancy.core c
