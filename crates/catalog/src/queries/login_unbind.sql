DELETE FROM tenantry.login_tenants WHERE login = $1 AND tenant <> ALL ($2)
