DELETE FROM tenantry.logins WHERE name = $1
