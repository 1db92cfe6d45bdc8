UPDATE tenantry.logins SET disabled = $2 WHERE id = $1
