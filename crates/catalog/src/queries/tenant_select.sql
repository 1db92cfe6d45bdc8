SELECT t.id, t.uuid, t.key, t.name, t.state, p.name AS plan, t.limits, p.limits AS plan_limits, t.settings,
    t.created_at, l.model, l.database, l.schema, l.epoch,
    ARRAY(SELECT d.domain FROM tenantry.domains d WHERE d.tenant = t.id ORDER BY d.domain) AS domains
FROM tenantry.tenants t
LEFT JOIN tenantry.plans p ON p.id = t.plan
LEFT JOIN tenantry.placements l ON l.tenant = t.id
