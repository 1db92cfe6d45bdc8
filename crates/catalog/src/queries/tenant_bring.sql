-- Many tenants at once, in the database where their rows are: those that are there already, or whose id, UUID or key somebody
-- else has, are not made. A UUID that is not given is drawn.
WITH made AS (
    INSERT INTO tenantry.tenants (id, uuid, key, name) OVERRIDING SYSTEM VALUE
    SELECT coalesce(b.id, pg_catalog.nextval(pg_catalog.pg_get_serial_sequence('tenantry.tenants', 'id'))),
        coalesce(b.uuid, pg_catalog.gen_random_uuid()), b.key, b.name
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY AS b (id, uuid, key, name, place)
    ORDER BY b.place
    ON CONFLICT DO NOTHING
    RETURNING id)
INSERT INTO tenantry.placements (tenant, model, database, schema, epoch) SELECT id, $5, $6, $7, $8 FROM made
