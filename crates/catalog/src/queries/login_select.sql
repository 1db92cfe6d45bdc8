SELECT g.id, g.name, g.all_tenants, g.pool_mode, g.admin, g.read_only, g.disabled, g.max_connections, g.certificates,
    to_char(g.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS valid_until,
    ARRAY(SELECT b.tenant FROM tenantry.login_tenants b WHERE b.login = g.id ORDER BY b.tenant) AS tenants
FROM tenantry.logins g
