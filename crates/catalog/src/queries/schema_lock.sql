SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tenantry.schema_versions', 0))
