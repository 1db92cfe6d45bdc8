UPDATE tenantry.tenants SET state = $3 WHERE id = $1 AND state IN ($2, $3)
