JOIN tenantry.placements l ON l.database = d.id
JOIN tenantry.tenants t ON t.id = l.tenant
LEFT JOIN tenantry.plans p ON p.id = t.plan
WHERE d.kind = 'tenant' AND (t.key = $1 OR p.name = ANY ($2::text[])) ORDER BY c.name, d.name
