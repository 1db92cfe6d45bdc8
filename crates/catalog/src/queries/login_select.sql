SELECT g.id, g.name, g.all_tenants,
    ARRAY(SELECT b.tenant FROM tenantry.login_tenants b WHERE b.login = g.id ORDER BY b.tenant) AS tenants
FROM tenantry.logins g
