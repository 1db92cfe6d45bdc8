-- The gates of many tenants at once, as one tenant's is opened.
INSERT INTO tenancy.gate AS g (tenant, key, value, epoch, state, placement)
SELECT t.tenant, t.key, t.value, $4, 'active', $5::text::jsonb
  FROM unnest($1::bigint[], $2::text[], $3::text[]) t(tenant, key, value)
ON CONFLICT (tenant) DO UPDATE
   SET key = excluded.key, epoch = excluded.epoch, state = excluded.state, placement = excluded.placement,
       changed_at = pg_catalog.now()
 WHERE g.epoch <= excluded.epoch AND g.value = excluded.value
