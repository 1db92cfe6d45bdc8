-- No row comes back when the database exists with another kind.
INSERT INTO tenantry.databases (cluster, name, kind, login, context, max_connections)
VALUES ($1, $2, $3, $4, $5, $6::bigint::integer)
ON CONFLICT (cluster, name) DO UPDATE SET
    login = excluded.login, context = excluded.context, max_connections = excluded.max_connections
WHERE databases.kind = excluded.kind
RETURNING id
