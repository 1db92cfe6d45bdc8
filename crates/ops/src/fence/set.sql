UPDATE tenancy.gate SET epoch = $2, state = $3, changed_at = pg_catalog.now()
 WHERE tenant = $1 AND epoch <= $2
