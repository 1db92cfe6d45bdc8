INSERT INTO tenancy.gate AS g (tenant, key, value, epoch, state, placement)
VALUES ($1, $2, $3, $4, 'active', $5::text::jsonb)
ON CONFLICT (tenant) DO UPDATE
   SET key = excluded.key, epoch = excluded.epoch, state = excluded.state, placement = excluded.placement,
       changed_at = pg_catalog.now()
 WHERE g.epoch <= excluded.epoch AND g.value = excluded.value
