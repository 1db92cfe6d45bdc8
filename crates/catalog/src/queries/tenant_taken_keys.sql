SELECT t.key FROM tenantry.tenants t WHERE t.key = ANY ($1)
