UPDATE tenantry.tenants SET key = $2 WHERE id = $1
