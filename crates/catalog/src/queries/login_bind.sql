INSERT INTO tenantry.login_tenants (login, tenant)
SELECT $1, tenant FROM unnest($2::bigint[]) AS tenant
ON CONFLICT DO NOTHING
