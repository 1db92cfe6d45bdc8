SELECT tenantry.register_gateway($1, $2) AS number
