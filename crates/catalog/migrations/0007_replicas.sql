-- A cluster's other servers, as HOST:PORT each: those that may become the primary, and those that take reads.
ALTER TABLE tenantry.clusters
    ADD COLUMN more_hosts text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(more_hosts) <= 16 AND array_position(more_hosts, NULL) IS NULL
            AND array_position(more_hosts, '') IS NULL),
    ADD COLUMN replicas text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(replicas) <= 16 AND array_position(replicas, NULL) IS NULL
            AND array_position(replicas, '') IS NULL);

DROP TRIGGER route_changed ON tenantry.clusters;
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.clusters FOR EACH ROW
    WHEN ((OLD.name, OLD.host, OLD.port, OLD.max_connections, OLD.sslmode, OLD.ssl_root_cert, OLD.more_hosts, OLD.replicas)
        IS DISTINCT FROM
        (NEW.name, NEW.host, NEW.port, NEW.max_connections, NEW.sslmode, NEW.ssl_root_cert, NEW.more_hosts, NEW.replicas))
    EXECUTE FUNCTION tenantry.log_route_change('cluster', 'id');
