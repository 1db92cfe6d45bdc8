-- Scopes for the sets of one range of blocks, before any of its rows is locked. Sets with tenants that nobody knows have none.
SELECT count(tenancy.scope_for(VARIADIC sets.members))
  FROM (SELECT DISTINCT {{members}} AS members FROM ONLY {{table}} t
         WHERE t.ctid >= $1::text::tid AND t.ctid < $2::text::tid AND t.scope_id IS NULL) sets
 WHERE sets.members <> '{}'
   AND NOT EXISTS (SELECT FROM tenancy.scopes s WHERE s.hash = tenancy.scope_hash(sets.members))
   AND NOT EXISTS (SELECT FROM pg_catalog.unnest(sets.members) one(tenant)
                    WHERE NOT EXISTS (SELECT FROM tenancy.tenant_scopes s WHERE s.tenant = one.tenant))
