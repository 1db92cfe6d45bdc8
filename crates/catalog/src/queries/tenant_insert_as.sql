-- A tenant whose id (and UUID) rows of a database that is converted have already. No row comes back when one is taken.
INSERT INTO tenantry.tenants (id, uuid, key, name) OVERRIDING SYSTEM VALUE
VALUES ($1, coalesce($2, pg_catalog.gen_random_uuid()), $3, $4)
ON CONFLICT DO NOTHING
