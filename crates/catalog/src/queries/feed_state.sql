-- $1 is the reader's revision: the time beside it tells whether this still is the history that the reader knows.
SELECT f.pruned_through, greatest(f.pruned_through, n.revision) AS revision,
    (SELECT c.changed_at FROM tenantry.route_changes c WHERE c.revision = greatest(f.pruned_through, n.revision))
        AS changed_at,
    (SELECT c.changed_at FROM tenantry.route_changes c WHERE c.revision = $1) AS known_at
FROM tenantry.route_feed f,
    (SELECT coalesce(max(revision), 0) AS revision FROM tenantry.route_changes) n
