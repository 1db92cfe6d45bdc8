INSERT INTO tenantry.plans (name, model, limits) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET model = excluded.model, limits = excluded.limits
WHERE (plans.model, plans.limits) IS DISTINCT FROM (excluded.model, excluded.limits)
