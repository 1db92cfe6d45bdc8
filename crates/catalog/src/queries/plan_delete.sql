DELETE FROM tenantry.plans WHERE id = $1
