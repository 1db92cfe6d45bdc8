INSERT INTO tenantry.schema_versions (fingerprint, file, plain_sql, declaration, facts)
VALUES ($1, $2, $3, $4, $5)
RETURNING version
