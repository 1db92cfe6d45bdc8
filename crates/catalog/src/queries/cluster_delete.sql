DELETE FROM tenantry.clusters WHERE id = $1
