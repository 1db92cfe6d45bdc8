SELECT version, fingerprint, file, plain_sql, declaration, facts, created_at
FROM tenantry.schema_versions
ORDER BY version DESC
LIMIT 1
