SELECT id, name, host, port::bigint, admin_user, password_kind, password_ref, maintenance_database,
    server_version::bigint, context, max_connections::bigint, sslmode, ssl_root_cert, more_hosts, replicas
FROM tenantry.clusters
