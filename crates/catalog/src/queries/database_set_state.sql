UPDATE tenantry.databases SET state = $2 WHERE id = $1
