-- How many connections one gateway may open to a server, over all its databases. Gateways hear of a change.
ALTER TABLE tenantry.clusters ADD COLUMN max_connections integer CHECK (max_connections > 0);

DROP TRIGGER route_changed ON tenantry.clusters;
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.clusters FOR EACH ROW
    WHEN ((OLD.name, OLD.host, OLD.port, OLD.max_connections) IS DISTINCT FROM (NEW.name, NEW.host, NEW.port, NEW.max_connections))
    EXECUTE FUNCTION tenantry.log_route_change('cluster', 'id');
