SELECT d.id, d.cluster, c.name AS cluster_name, d.name, d.kind, d.login, d.context, d.key_id, d.previous_key_id,
    d.max_connections::bigint, d.state, d.fingerprint
FROM tenantry.databases d JOIN tenantry.clusters c ON c.id = d.cluster
