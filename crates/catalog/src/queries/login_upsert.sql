INSERT INTO tenantry.logins (name, verifier, all_tenants) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET verifier = excluded.verifier, all_tenants = excluded.all_tenants
RETURNING id
