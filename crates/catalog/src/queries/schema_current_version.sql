SELECT max(version) AS version FROM tenantry.schema_versions
