DELETE FROM tenantry.databases WHERE id = $1
