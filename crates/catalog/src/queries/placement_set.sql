INSERT INTO tenantry.placements (tenant, model, database, schema, epoch) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant) DO UPDATE SET
    model = excluded.model, database = excluded.database, schema = excluded.schema, epoch = excluded.epoch
