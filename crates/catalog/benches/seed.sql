-- TENANTS is replaced by their number before this is sent.
INSERT INTO tenantry.clusters
    (name, host, port, admin_user, password_kind, maintenance_database, server_version, context)
VALUES ('main', 'db.example.com', 5432, 'admin', 'nothing', 'postgres', 180000, 'carrier');
INSERT INTO tenantry.databases (cluster, name, kind, login, context, max_connections, state)
SELECT 1, 'app', 'pool', 'tenantry_app_app', 'carrier', 50, 'ready';
INSERT INTO tenantry.databases (cluster, name, kind, login, context, max_connections, state)
SELECT 1, 'tenant_' || n, 'tenant', 'tenantry_t' || n, 'carrier', 5, 'ready'
FROM generate_series(100, TENANTS, 100) AS n;
INSERT INTO tenantry.plans (name, model, limits)
VALUES ('small', 'shared', '{"connections": 5, "statement_timeout_ms": 5000, "transactions_per_minute": 600}');
INSERT INTO tenantry.tenants (key, name, state, plan)
SELECT 'customer-' || n, 'Customer ' || n, 'active', CASE WHEN n % 5 = 0 THEN 1 END
FROM generate_series(1, TENANTS) AS n;
INSERT INTO tenantry.placements (tenant, model, database, schema, epoch)
SELECT t.id,
    CASE WHEN d.id IS NOT NULL THEN 'database' WHEN t.id % 10 = 0 THEN 'schema' ELSE 'shared' END,
    coalesce(d.id, 1),
    CASE WHEN d.id IS NULL AND t.id % 10 = 0 THEN 't_' || t.id ELSE 'public' END,
    1
FROM tenantry.tenants t LEFT JOIN tenantry.databases d ON d.name = 'tenant_' || t.id;
INSERT INTO tenantry.domains (domain, tenant)
SELECT key || '.example.com', id FROM tenantry.tenants WHERE id % 2 = 0;
ANALYZE;
