SELECT version, checksum FROM tenantry.migrations ORDER BY version
