-- What was not renewed for ten minutes goes away, and so does the oldest of more than a thousand.
WITH pruned AS (
    DELETE FROM tenantry.gateways g
    WHERE g.id <> $1 AND (g.seen_at < now() - interval '10 minutes'
        OR g.id IN (SELECT o.id FROM tenantry.gateways o ORDER BY o.seen_at DESC OFFSET 1000))
)
INSERT INTO tenantry.gateways (id, revision, seen_at) VALUES ($1, $2, now())
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, seen_at = excluded.seen_at
