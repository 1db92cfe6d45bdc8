SELECT tenant FROM tenantry.domains WHERE domain = $1
