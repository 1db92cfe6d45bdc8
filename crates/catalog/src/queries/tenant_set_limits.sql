UPDATE tenantry.tenants SET limits = $2 WHERE id = $1
