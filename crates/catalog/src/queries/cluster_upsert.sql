INSERT INTO tenantry.clusters
    (name, host, port, admin_user, password_kind, password_ref, maintenance_database, server_version, context,
    max_connections, sslmode, ssl_root_cert, more_hosts, replicas)
VALUES ($1, $2, $3::bigint::integer, $4, $5, $6, $7, $8::bigint::integer, $9, $10::bigint::integer, $11, $12, $13, $14)
ON CONFLICT (name) DO UPDATE SET
    host = excluded.host, port = excluded.port, admin_user = excluded.admin_user,
    password_kind = excluded.password_kind, password_ref = excluded.password_ref,
    maintenance_database = excluded.maintenance_database, server_version = excluded.server_version,
    context = excluded.context, max_connections = excluded.max_connections, sslmode = excluded.sslmode,
    ssl_root_cert = excluded.ssl_root_cert, more_hosts = excluded.more_hosts, replicas = excluded.replicas
