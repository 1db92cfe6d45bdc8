UPDATE tenantry.databases SET fingerprint = $2 WHERE id = $1
