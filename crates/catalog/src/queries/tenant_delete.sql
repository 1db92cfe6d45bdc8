DELETE FROM tenantry.tenants WHERE id = $1 AND state = 'dropping'
