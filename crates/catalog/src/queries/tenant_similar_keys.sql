SELECT key AS name FROM tenantry.tenants
WHERE length(key) BETWEEN length($1::text) - 2 AND length($1::text) + 2
ORDER BY key
LIMIT 100000
