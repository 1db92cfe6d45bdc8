SELECT number, peer FROM tenantry.gateways WHERE number IS NOT NULL AND peer IS NOT NULL AND id IS DISTINCT FROM $1 ORDER BY number
