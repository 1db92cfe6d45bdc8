SELECT DISTINCT entity, entity_id
FROM tenantry.route_changes
WHERE revision > $1
LIMIT $2
