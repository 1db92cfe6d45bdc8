INSERT INTO tenantry.domains (domain, tenant) VALUES ($1, $2)
ON CONFLICT (domain) DO NOTHING
