-- Every tenant of a database whose provisioning has not ended.
UPDATE tenantry.tenants t SET state = 'active'
FROM tenantry.placements l WHERE l.tenant = t.id AND l.database = $1 AND t.state = 'provisioning'
