-- The registry itself. Everything that is chosen by people is checked here as well as in the code: the catalog is
-- also edited by hand in an emergency. Names sort by byte ("C"), so that paging means the same on every server.

CREATE TABLE tenantry.clusters (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$'),
    host text NOT NULL CHECK (host <> ''),
    port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    admin_user text NOT NULL,
    -- Where the administrator's password is found. The password itself has no place here.
    password_kind text NOT NULL CHECK (password_kind IN ('nothing', 'file', 'environment')),
    password_ref text CHECK ((password_kind = 'nothing') = (password_ref IS NULL)),
    maintenance_database text NOT NULL,
    server_version integer NOT NULL CHECK (server_version > 0),
    context text NOT NULL CHECK (context IN ('carrier', 'signed')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tenantry.databases (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster integer NOT NULL REFERENCES tenantry.clusters,
    name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 63),
    kind text NOT NULL CHECK (kind IN ('pool', 'tenant')),
    login text NOT NULL CHECK (octet_length(login) BETWEEN 1 AND 63),
    context text NOT NULL CHECK (context IN ('carrier', 'signed')),
    key_id integer NOT NULL DEFAULT 1 CHECK (key_id > 0),
    previous_key_id integer CHECK (previous_key_id < key_id),
    max_connections integer NOT NULL CHECK (max_connections > 0),
    state text NOT NULL DEFAULT 'provisioning' CHECK (state IN ('provisioning', 'ready', 'dropping')),
    fingerprint text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (cluster, name),
    -- Roles belong to the whole cluster: two databases with one role would have one password.
    UNIQUE (cluster, login)
);

CREATE TABLE tenantry.plans (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (name <> ''),
    model text NOT NULL CHECK (model IN ('shared', 'schema', 'database')),
    limits jsonb NOT NULL CHECK (jsonb_typeof(limits) = 'object')
);

CREATE TABLE tenantry.tenants (
    -- Identity: an id that was given once is never given again, also when its tenant is gone.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    key text COLLATE "C" NOT NULL UNIQUE CHECK (key ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name text NOT NULL,
    state text NOT NULL DEFAULT 'provisioning'
        CHECK (state IN ('provisioning', 'active', 'suspended', 'dropping')),
    plan integer REFERENCES tenantry.plans,
    -- What differs from the plan's limits.
    limits jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(limits) = 'object'),
    settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenants_plan ON tenantry.tenants (plan, id);
CREATE INDEX tenants_pending ON tenantry.tenants (key) WHERE state IN ('provisioning', 'dropping');

CREATE TABLE tenantry.domains (
    domain text COLLATE "C" PRIMARY KEY CHECK (domain = lower(domain) AND domain LIKE '%_._%'),
    tenant bigint NOT NULL REFERENCES tenantry.tenants ON DELETE CASCADE
);
CREATE INDEX domains_tenant ON tenantry.domains (tenant);

CREATE TABLE tenantry.placements (
    tenant bigint PRIMARY KEY REFERENCES tenantry.tenants ON DELETE CASCADE,
    model text NOT NULL CHECK (model IN ('shared', 'schema', 'database')),
    database integer NOT NULL REFERENCES tenantry.databases,
    schema text COLLATE "C" NOT NULL CHECK (octet_length(schema) BETWEEN 1 AND 63),
    epoch bigint NOT NULL CHECK (epoch > 0),
    CONSTRAINT placements_schema_model CHECK ((model = 'schema') = (schema <> 'public'))
);
CREATE INDEX placements_database ON tenantry.placements (database);
CREATE UNIQUE INDEX placements_own_schema ON tenantry.placements (database, schema) WHERE model = 'schema';
CREATE UNIQUE INDEX placements_own_database ON tenantry.placements (database) WHERE model = 'database';

-- An epoch only grows, and a placement that changes gets a greater one: gates refuse writers by comparing epochs.
CREATE FUNCTION tenantry.check_placement() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    found_kind text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM tenantry.tenants WHERE id = OLD.tenant) THEN
            RAISE 'a placement goes with its tenant, so that its epoch can''t start again'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'placements_epoch_grows';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.epoch < OLD.epoch OR NEW.tenant <> OLD.tenant
            OR (NEW.epoch = OLD.epoch
                AND (NEW.model, NEW.database, NEW.schema) IS DISTINCT FROM (OLD.model, OLD.database, OLD.schema))
        THEN
            RAISE 'a placement''s epoch only grows: it is %, and % was asked for', OLD.epoch, NEW.epoch
                USING ERRCODE = 'check_violation', CONSTRAINT = 'placements_epoch_grows';
        END IF;
    END IF;
    SELECT kind INTO found_kind FROM tenantry.databases WHERE id = NEW.database;
    IF (NEW.model = 'database') <> (found_kind = 'tenant') THEN
        RAISE 'model % does not go into a database of kind %', NEW.model, found_kind
            USING ERRCODE = 'check_violation', CONSTRAINT = 'placements_kind';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_placement BEFORE INSERT OR UPDATE OR DELETE ON tenantry.placements
    FOR EACH ROW EXECUTE FUNCTION tenantry.check_placement();

CREATE TABLE tenantry.logins (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 63),
    -- PostgreSQL's text form; a password that got here by mistake is refused.
    verifier text NOT NULL CHECK (verifier ~ '^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$'),
    all_tenants boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The tenants of a login that may not act for all. None means none.
CREATE TABLE tenantry.login_tenants (
    login integer NOT NULL REFERENCES tenantry.logins ON DELETE CASCADE,
    tenant bigint NOT NULL REFERENCES tenantry.tenants ON DELETE CASCADE,
    PRIMARY KEY (login, tenant)
);
CREATE INDEX login_tenants_tenant ON tenantry.login_tenants (tenant);

CREATE TABLE tenantry.schema_versions (
    version integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint text NOT NULL CHECK (fingerprint <> ''),
    file text NOT NULL,
    plain_sql text NOT NULL,
    declaration jsonb NOT NULL,
    -- What introspection said of it: [[name, text], …].
    facts jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tenantry.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL CHECK (actor <> ''),
    action text NOT NULL CHECK (action <> ''),
    subject text NOT NULL CHECK (subject <> ''),
    -- No foreign key: a tenant's trail outlives the tenant, and its id means nobody else, ever.
    tenant bigint,
    details jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object')
);
CREATE INDEX audit_tenant ON tenantry.audit (tenant, id) WHERE tenant IS NOT NULL;
CREATE INDEX audit_subject ON tenantry.audit (subject, id);

CREATE FUNCTION tenantry.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE '%.% only ever grows', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tenantry.audit
    FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
