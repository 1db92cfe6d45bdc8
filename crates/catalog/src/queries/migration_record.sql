INSERT INTO tenantry.migrations (version, name, checksum, build) VALUES ($1, $2, $3, $4)
