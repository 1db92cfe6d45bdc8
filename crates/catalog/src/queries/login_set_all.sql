UPDATE tenantry.logins SET all_tenants = $2 WHERE id = $1
