SELECT g.id::bigint AS id, g.name, g.verifier, g.all_tenants, g.pool_mode, g.admin, g.read_only, g.disabled, g.valid_until,
    g.max_connections, g.certificates,
    ARRAY(SELECT b.tenant FROM tenantry.login_tenants b WHERE b.login = g.id) AS tenants
FROM tenantry.logins g
