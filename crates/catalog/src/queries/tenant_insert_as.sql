-- A tenant whose id or UUID rows of a database that is converted have already. No row comes back when one is taken.
INSERT INTO tenantry.tenants (id, uuid, key, name) OVERRIDING SYSTEM VALUE
VALUES (coalesce($1, pg_catalog.nextval(pg_catalog.pg_get_serial_sequence('tenantry.tenants', 'id'))),
        coalesce($2, pg_catalog.gen_random_uuid()), $3, $4)
ON CONFLICT DO NOTHING
