-- What gateways follow: a log of what changed, in the order in which changes became visible.
--
-- A reader asks for "everything after revision R". That is only safe when no revision up to the greatest visible one
-- can become visible later. A sequence alone does not give this: a transaction may draw 7, a second one draw 8 and
-- commit first, and a reader that saw 8 would never see 7. So whoever changes a route takes one advisory lock before
-- it draws its first revision and holds it until the end of its transaction. PostgreSQL releases such locks after the
-- transaction has become visible, so the next one draws its revisions only when all smaller ones can be seen, or were
-- rolled back (which leaves a gap in the numbers, and nothing to miss).
--
-- The lock is taken by BEFORE STATEMENT triggers, before any row is locked: two transactions that change the same
-- rows in another order then wait for each other here, and can't deadlock on the rows.

CREATE TABLE tenantry.route_changes (
    revision bigint PRIMARY KEY,
    entity text NOT NULL CHECK (entity IN ('tenant', 'plan', 'database', 'cluster', 'login')),
    entity_id bigint NOT NULL,
    -- Tells a revision from one of the same number in a history that was lost (a restore, a failover).
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE SEQUENCE tenantry.route_revision OWNED BY tenantry.route_changes.revision;

-- One row. A reader that is behind `pruned_through` loads everything anew.
CREATE TABLE tenantry.route_feed (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    keep_changes integer NOT NULL DEFAULT 100000 CHECK (keep_changes > 0),
    pruned_through bigint NOT NULL DEFAULT 0
);
INSERT INTO tenantry.route_feed DEFAULT VALUES;

-- Which revision each gateway serves. Entries that were not renewed go away.
CREATE TABLE tenantry.gateways (
    id text COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 200),
    revision bigint NOT NULL,
    seen_at timestamptz NOT NULL
);

CREATE FUNCTION tenantry.lock_routes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tenantry.route_changes', 0));
    RETURN NULL;
END $$;

-- Arguments: the entity, and the column that holds its id.
CREATE FUNCTION tenantry.log_route_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    old_id bigint;
    new_id bigint;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        old_id := to_jsonb(OLD) ->> TG_ARGV[1];
        PERFORM tenantry.put_route_change(TG_ARGV[0], old_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        new_id := to_jsonb(NEW) ->> TG_ARGV[1];
        IF new_id IS DISTINCT FROM old_id THEN
            PERFORM tenantry.put_route_change(TG_ARGV[0], new_id);
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION tenantry.put_route_change(entity text, entity_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    drawn bigint := nextval('tenantry.route_revision');
    horizon bigint;
    next_horizon bigint;
BEGIN
    INSERT INTO tenantry.route_changes (revision, entity, entity_id) VALUES (drawn, entity, entity_id);
    -- The bound is kept here, under the lock, so that there is no worker that could be missing.
    IF drawn % 64 = 0 THEN
        SELECT pruned_through, drawn - keep_changes INTO horizon, next_horizon FROM tenantry.route_feed;
        IF next_horizon > horizon THEN
            UPDATE tenantry.route_feed SET pruned_through = next_horizon;
            -- Both ends: what was deleted before still stands in the index, and would be walked over each time.
            DELETE FROM tenantry.route_changes WHERE revision > horizon AND revision <= next_horizon;
        END IF;
    END IF;
    -- Equal notifications of one transaction are sent once, at its commit.
    PERFORM pg_notify('tenantry_routes', '');
END $$;

-- Nobody truncates these tables in earnest, but if so, every reader must load anew.
CREATE FUNCTION tenantry.reload_routes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tenantry.route_changes', 0));
    UPDATE tenantry.route_feed SET pruned_through = nextval('tenantry.route_revision');
    PERFORM pg_notify('tenantry_routes', '');
    RETURN NULL;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'domains', 'placements', 'plans', 'databases', 'clusters', 'logins', 'login_tenants']
    LOOP
        EXECUTE format('CREATE TRIGGER a_lock_routes BEFORE INSERT OR UPDATE OR DELETE ON tenantry.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()', name);
        EXECUTE format('CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()', name);
    END LOOP;
END $$;

-- Only what a gateway can see counts as a change: not a tenant's name or settings, not a database's fingerprint.
CREATE TRIGGER route_made AFTER INSERT OR DELETE ON tenantry.tenants
    FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('tenant', 'id');
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.tenants FOR EACH ROW
    WHEN ((OLD.id, OLD.key, OLD.state, OLD.plan, OLD.limits) IS DISTINCT FROM (NEW.id, NEW.key, NEW.state, NEW.plan, NEW.limits))
    EXECUTE FUNCTION tenantry.log_route_change('tenant', 'id');

CREATE TRIGGER route_changed AFTER INSERT OR UPDATE OR DELETE ON tenantry.domains
    FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('tenant', 'tenant');
CREATE TRIGGER route_made AFTER INSERT OR DELETE ON tenantry.placements
    FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('tenant', 'tenant');
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.placements FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tenantry.log_route_change('tenant', 'tenant');

-- A change of a plan or a cluster concerns many; the reader expands it.
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.plans FOR EACH ROW
    WHEN (OLD.limits IS DISTINCT FROM NEW.limits) EXECUTE FUNCTION tenantry.log_route_change('plan', 'id');
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.clusters FOR EACH ROW
    WHEN ((OLD.name, OLD.host, OLD.port) IS DISTINCT FROM (NEW.name, NEW.host, NEW.port))
    EXECUTE FUNCTION tenantry.log_route_change('cluster', 'id');

CREATE TRIGGER route_made AFTER INSERT OR DELETE ON tenantry.databases
    FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('database', 'id');
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.databases FOR EACH ROW
    WHEN ((OLD.id, OLD.cluster, OLD.name, OLD.login, OLD.context, OLD.key_id, OLD.max_connections)
        IS DISTINCT FROM (NEW.id, NEW.cluster, NEW.name, NEW.login, NEW.context, NEW.key_id, NEW.max_connections))
    EXECUTE FUNCTION tenantry.log_route_change('database', 'id');

CREATE TRIGGER route_made AFTER INSERT OR DELETE ON tenantry.logins
    FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('login', 'id');
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.logins FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tenantry.log_route_change('login', 'id');
CREATE TRIGGER route_changed AFTER INSERT OR UPDATE OR DELETE ON tenantry.login_tenants
    FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('login', 'login');
