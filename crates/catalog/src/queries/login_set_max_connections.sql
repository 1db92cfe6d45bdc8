UPDATE tenantry.logins SET max_connections = $2 WHERE id = $1
