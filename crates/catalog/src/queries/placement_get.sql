SELECT model, database, schema, epoch FROM tenantry.placements WHERE tenant = $1
