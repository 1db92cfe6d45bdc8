-- No row comes back when the key is taken.
INSERT INTO tenantry.tenants (key, name, plan, limits, settings) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (key) DO NOTHING
RETURNING id
