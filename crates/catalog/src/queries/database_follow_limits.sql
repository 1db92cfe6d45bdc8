-- A tenant's own database may have as many connections as its tenant may use. $1, $2, $3: of one tenant, of a plan's tenants,
-- on one cluster. $4: what a tenant may use when neither it nor its plan says.
WITH wanted AS (
    SELECT l.database AS id,
        least(greatest(coalesce((t.limits ->> 'connections')::bigint, (p.limits ->> 'connections')::bigint, $4::bigint), 1),
              2147483647)::integer AS connections
    FROM tenantry.placements l
    JOIN tenantry.databases b ON b.id = l.database
    JOIN tenantry.tenants t ON t.id = l.tenant
    LEFT JOIN tenantry.plans p ON p.id = t.plan
    WHERE l.model = 'database' AND (t.id = $1::bigint OR t.plan = $2::integer OR b.cluster = $3::integer))
UPDATE tenantry.databases d SET max_connections = w.connections
FROM wanted w WHERE w.id = d.id AND d.max_connections <> w.connections
