SELECT id, revision, seen_at FROM tenantry.gateways WHERE seen_at > now() - interval '10 minutes' ORDER BY id
