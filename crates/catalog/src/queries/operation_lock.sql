SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('tenantry operation ' || $1::text, 0)) AS locked
