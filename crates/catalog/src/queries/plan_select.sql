SELECT id, name, model, limits FROM tenantry.plans
