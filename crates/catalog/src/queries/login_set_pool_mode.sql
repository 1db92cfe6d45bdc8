UPDATE tenantry.logins SET pool_mode = $2 WHERE id = $1
