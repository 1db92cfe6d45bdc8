-- Who may connect when and how, how servers are reached, and where gateways find each other.

-- Changes are logged by the trigger on the whole row.
ALTER TABLE tenantry.logins
    ADD COLUMN disabled boolean NOT NULL DEFAULT false,
    ADD COLUMN valid_until timestamptz CHECK (isfinite(valid_until)),
    ADD COLUMN max_connections integer CHECK (max_connections > 0),
    -- Names of client certificates that stand for the password.
    ADD COLUMN certificates text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(certificates) <= 32 AND array_position(certificates, NULL) IS NULL
            AND array_position(certificates, '') IS NULL);

ALTER TABLE tenantry.clusters
    ADD COLUMN sslmode text NOT NULL DEFAULT 'prefer'
        CHECK (sslmode IN ('disable', 'prefer', 'require', 'verify-ca', 'verify-full')),
    -- The certificates of those whom to trust, as PEM: nothing secret, and gateways on other hosts need it too.
    ADD COLUMN ssl_root_cert text CHECK (octet_length(ssl_root_cert) BETWEEN 1 AND 1000000),
    ADD CONSTRAINT clusters_verify_needs_root
        CHECK (sslmode NOT IN ('verify-ca', 'verify-full') OR ssl_root_cert IS NOT NULL);
DROP TRIGGER route_changed ON tenantry.clusters;
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.clusters FOR EACH ROW
    WHEN ((OLD.name, OLD.host, OLD.port, OLD.max_connections, OLD.sslmode, OLD.ssl_root_cert)
        IS DISTINCT FROM (NEW.name, NEW.host, NEW.port, NEW.max_connections, NEW.sslmode, NEW.ssl_root_cert))
    EXECUTE FUNCTION tenantry.log_route_change('cluster', 'id');

-- A gateway's number is in the cancel keys that it gives, and `peer` is where it takes requests that reached another one.
ALTER TABLE tenantry.gateways
    ADD COLUMN number integer UNIQUE CHECK (number BETWEEN 1 AND 1023),
    ADD COLUMN peer text CHECK (octet_length(peer) BETWEEN 1 AND 100);

-- Gives a gateway the smallest number that is free, or the one that it has. NULL when there are too many.
CREATE FUNCTION tenantry.register_gateway(gateway text, address text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    given integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tenantry.gateways', 0));
    DELETE FROM tenantry.gateways WHERE seen_at < now() - interval '10 minutes' AND id <> gateway;
    SELECT number INTO given FROM tenantry.gateways WHERE id = gateway;
    IF given IS NULL THEN
        SELECT n INTO given FROM generate_series(1, 1023) AS n
        WHERE NOT EXISTS (SELECT FROM tenantry.gateways g WHERE g.number = n) ORDER BY n LIMIT 1;
    END IF;
    INSERT INTO tenantry.gateways (id, revision, seen_at, number, peer)
    VALUES (gateway, 0, now(), given, address)
    ON CONFLICT (id) DO UPDATE SET number = excluded.number, peer = excluded.peer, seen_at = excluded.seen_at;
    -- The others look at once.
    PERFORM pg_notify('tenantry_routes', '');
    RETURN given;
END $$;
