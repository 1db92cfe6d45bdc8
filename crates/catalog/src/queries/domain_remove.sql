DELETE FROM tenantry.domains WHERE domain = $1 AND tenant = $2
