INSERT INTO tenantry.audit (actor, action, subject, tenant, details) VALUES ($1, $2, $3, $4, $5)
