SELECT d.id::bigint AS id, d.cluster, c.name AS cluster_name, c.host, c.port::bigint, d.name, d.login, d.context,
    d.key_id, d.max_connections::bigint, coalesce(c.max_connections, 0)::bigint AS cluster_connections, c.sslmode,
    c.ssl_root_cert, c.more_hosts, c.replicas
FROM tenantry.databases d JOIN tenantry.clusters c ON c.id = d.cluster
