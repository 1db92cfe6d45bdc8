UPDATE tenantry.logins SET certificates = $2 WHERE id = $1
