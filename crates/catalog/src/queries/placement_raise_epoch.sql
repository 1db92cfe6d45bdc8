UPDATE tenantry.placements SET epoch = epoch + 1 WHERE tenant = $1 AND epoch = $2
RETURNING epoch
