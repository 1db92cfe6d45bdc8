SELECT g.id, g.name, g.all_tenants, g.pool_mode, g.admin,
    ARRAY(SELECT b.tenant FROM tenantry.login_tenants b WHERE b.login = g.id ORDER BY b.tenant) AS tenants
FROM tenantry.logins g
