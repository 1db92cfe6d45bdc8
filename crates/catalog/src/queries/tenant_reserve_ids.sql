-- Ids that no tenant will be given but by whoever reserved them.
SELECT pg_catalog.nextval(pg_catalog.pg_get_serial_sequence('tenantry.tenants', 'id')) FROM pg_catalog.generate_series(1, $1::bigint)
