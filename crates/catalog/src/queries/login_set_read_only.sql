UPDATE tenantry.logins SET read_only = $2 WHERE id = $1
