SELECT database, count(*) AS tenants FROM tenantry.placements GROUP BY database
