-- Generated from pg_catalog after all migrations; see tests/it/dump.rs.
table audit: id bigint not null identity a
table audit: at timestamp with time zone not null default now()
table audit: actor text not null
table audit: action text not null
table audit: subject text not null
table audit: tenant bigint
table audit: details jsonb not null default '{}'::jsonb
table clusters: id integer not null identity a
table clusters: name text not null collate C
table clusters: host text not null
table clusters: port integer not null
table clusters: admin_user text not null
table clusters: password_kind text not null
table clusters: password_ref text
table clusters: maintenance_database text not null
table clusters: server_version integer not null
table clusters: context text not null
table clusters: created_at timestamp with time zone not null default now()
table clusters: max_connections integer
table clusters: sslmode text not null default 'prefer'::text
table clusters: ssl_root_cert text
table clusters: more_hosts text[] not null default '{}'::text[]
table clusters: replicas text[] not null default '{}'::text[]
table databases: id integer not null identity a
table databases: cluster integer not null
table databases: name text not null collate C
table databases: kind text not null
table databases: login text not null
table databases: context text not null
table databases: key_id integer not null default 1
table databases: previous_key_id integer
table databases: max_connections integer not null
table databases: state text not null default 'provisioning'::text
table databases: fingerprint text
table databases: created_at timestamp with time zone not null default now()
table domains: domain text not null collate C
table domains: tenant bigint not null
table gateways: id text not null collate C
table gateways: revision bigint not null
table gateways: seen_at timestamp with time zone not null
table gateways: number integer
table gateways: peer text
table login_tenants: login integer not null
table login_tenants: tenant bigint not null
table logins: id integer not null identity a
table logins: name text not null collate C
table logins: verifier text not null
table logins: all_tenants boolean not null
table logins: created_at timestamp with time zone not null default now()
table logins: pool_mode text not null default 'transaction'::text
table logins: admin boolean not null default false
table logins: disabled boolean not null default false
table logins: valid_until timestamp with time zone
table logins: max_connections integer
table logins: certificates text[] not null default '{}'::text[]
table logins: read_only boolean not null default false
table migrations: version integer not null
table migrations: name text not null
table migrations: checksum text not null
table migrations: build text not null
table migrations: applied_at timestamp with time zone not null default now()
table placements: tenant bigint not null
table placements: model text not null
table placements: database integer not null
table placements: schema text not null collate C
table placements: epoch bigint not null
table plans: id integer not null identity a
table plans: name text not null collate C
table plans: model text not null
table plans: limits jsonb not null
table route_changes: revision bigint not null
table route_changes: entity text not null
table route_changes: entity_id bigint not null
table route_changes: changed_at timestamp with time zone not null default clock_timestamp()
table route_feed: single boolean not null default true
table route_feed: keep_changes integer not null default 100000
table route_feed: pruned_through bigint not null default 0
table schema_versions: version integer not null identity a
table schema_versions: fingerprint text not null
table schema_versions: file text not null
table schema_versions: plain_sql text not null
table schema_versions: declaration jsonb not null
table schema_versions: facts jsonb not null
table schema_versions: created_at timestamp with time zone not null default now()
table tenants: id bigint not null identity a
table tenants: uuid uuid not null default gen_random_uuid()
table tenants: key text not null collate C
table tenants: name text not null
table tenants: state text not null default 'provisioning'::text
table tenants: plan integer
table tenants: limits jsonb not null default '{}'::jsonb
table tenants: settings jsonb not null default '{}'::jsonb
table tenants: created_at timestamp with time zone not null default now()
constraint audit.audit_action_check: CHECK ((action <> ''::text))
constraint audit.audit_actor_check: CHECK ((actor <> ''::text))
constraint audit.audit_details_check: CHECK ((jsonb_typeof(details) = 'object'::text))
constraint audit.audit_pkey: PRIMARY KEY (id)
constraint audit.audit_subject_check: CHECK ((subject <> ''::text))
constraint clusters.clusters_check: CHECK (((password_kind = 'nothing'::text) = (password_ref IS NULL)))
constraint clusters.clusters_context_check: CHECK ((context = ANY (ARRAY['carrier'::text, 'signed'::text])))
constraint clusters.clusters_host_check: CHECK ((host <> ''::text))
constraint clusters.clusters_max_connections_check: CHECK ((max_connections > 0))
constraint clusters.clusters_more_hosts_check: CHECK (((cardinality(more_hosts) <= 16) AND (array_position(more_hosts, NULL::text) IS NULL) AND (array_position(more_hosts, ''::text) IS NULL)))
constraint clusters.clusters_name_check: CHECK ((name ~ '^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$'::text))
constraint clusters.clusters_name_key: UNIQUE (name)
constraint clusters.clusters_password_kind_check: CHECK ((password_kind = ANY (ARRAY['nothing'::text, 'file'::text, 'environment'::text])))
constraint clusters.clusters_pkey: PRIMARY KEY (id)
constraint clusters.clusters_port_check: CHECK (((port >= 1) AND (port <= 65535)))
constraint clusters.clusters_replicas_check: CHECK (((cardinality(replicas) <= 16) AND (array_position(replicas, NULL::text) IS NULL) AND (array_position(replicas, ''::text) IS NULL)))
constraint clusters.clusters_server_version_check: CHECK ((server_version > 0))
constraint clusters.clusters_ssl_root_cert_check: CHECK (((octet_length(ssl_root_cert) >= 1) AND (octet_length(ssl_root_cert) <= 1000000)))
constraint clusters.clusters_sslmode_check: CHECK ((sslmode = ANY (ARRAY['disable'::text, 'prefer'::text, 'require'::text, 'verify-ca'::text, 'verify-full'::text])))
constraint clusters.clusters_verify_needs_root: CHECK (((sslmode <> ALL (ARRAY['verify-ca'::text, 'verify-full'::text])) OR (ssl_root_cert IS NOT NULL)))
constraint databases.databases_check: CHECK ((previous_key_id < key_id))
constraint databases.databases_cluster_fkey: FOREIGN KEY (cluster) REFERENCES tenantry.clusters(id)
constraint databases.databases_cluster_login_key: UNIQUE (cluster, login)
constraint databases.databases_cluster_name_key: UNIQUE (cluster, name)
constraint databases.databases_context_check: CHECK ((context = ANY (ARRAY['carrier'::text, 'signed'::text])))
constraint databases.databases_key_id_check: CHECK ((key_id > 0))
constraint databases.databases_kind_check: CHECK ((kind = ANY (ARRAY['pool'::text, 'tenant'::text])))
constraint databases.databases_login_check: CHECK (((octet_length(login) >= 1) AND (octet_length(login) <= 63)))
constraint databases.databases_max_connections_check: CHECK ((max_connections > 0))
constraint databases.databases_name_check: CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 63)))
constraint databases.databases_pkey: PRIMARY KEY (id)
constraint databases.databases_state_check: CHECK ((state = ANY (ARRAY['provisioning'::text, 'ready'::text, 'dropping'::text])))
constraint domains.domains_domain_check: CHECK (((domain = lower(domain)) AND (domain ~~ '%_._%'::text)))
constraint domains.domains_pkey: PRIMARY KEY (domain)
constraint domains.domains_tenant_fkey: FOREIGN KEY (tenant) REFERENCES tenantry.tenants(id) ON DELETE CASCADE
constraint gateways.gateways_id_check: CHECK (((octet_length(id) >= 1) AND (octet_length(id) <= 200)))
constraint gateways.gateways_number_check: CHECK (((number >= 1) AND (number <= 1023)))
constraint gateways.gateways_number_key: UNIQUE (number)
constraint gateways.gateways_peer_check: CHECK (((octet_length(peer) >= 1) AND (octet_length(peer) <= 100)))
constraint gateways.gateways_pkey: PRIMARY KEY (id)
constraint login_tenants.login_tenants_login_fkey: FOREIGN KEY (login) REFERENCES tenantry.logins(id) ON DELETE CASCADE
constraint login_tenants.login_tenants_pkey: PRIMARY KEY (login, tenant)
constraint login_tenants.login_tenants_tenant_fkey: FOREIGN KEY (tenant) REFERENCES tenantry.tenants(id) ON DELETE CASCADE
constraint logins.logins_certificates_check: CHECK (((cardinality(certificates) <= 32) AND (array_position(certificates, NULL::text) IS NULL) AND (array_position(certificates, ''::text) IS NULL)))
constraint logins.logins_max_connections_check: CHECK ((max_connections > 0))
constraint logins.logins_name_check: CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 63)))
constraint logins.logins_name_key: UNIQUE (name)
constraint logins.logins_pkey: PRIMARY KEY (id)
constraint logins.logins_pool_mode_check: CHECK ((pool_mode = ANY (ARRAY['transaction'::text, 'session'::text, 'either'::text])))
constraint logins.logins_valid_until_check: CHECK (isfinite(valid_until))
constraint logins.logins_verifier_check: CHECK ((verifier ~ '^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$'::text))
constraint migrations.migrations_pkey: PRIMARY KEY (version)
constraint placements.placements_database_fkey: FOREIGN KEY (database) REFERENCES tenantry.databases(id)
constraint placements.placements_epoch_check: CHECK ((epoch > 0))
constraint placements.placements_model_check: CHECK ((model = ANY (ARRAY['shared'::text, 'schema'::text, 'database'::text])))
constraint placements.placements_pkey: PRIMARY KEY (tenant)
constraint placements.placements_schema_check: CHECK (((octet_length(schema) >= 1) AND (octet_length(schema) <= 63)))
constraint placements.placements_schema_model: CHECK (((model = 'schema'::text) = (schema <> 'public'::text)))
constraint placements.placements_tenant_fkey: FOREIGN KEY (tenant) REFERENCES tenantry.tenants(id) ON DELETE CASCADE
constraint plans.plans_limits_check: CHECK ((jsonb_typeof(limits) = 'object'::text))
constraint plans.plans_model_check: CHECK ((model = ANY (ARRAY['shared'::text, 'schema'::text, 'database'::text])))
constraint plans.plans_name_check: CHECK ((name <> ''::text))
constraint plans.plans_name_key: UNIQUE (name)
constraint plans.plans_pkey: PRIMARY KEY (id)
constraint route_changes.route_changes_entity_check: CHECK ((entity = ANY (ARRAY['tenant'::text, 'plan'::text, 'database'::text, 'cluster'::text, 'login'::text])))
constraint route_changes.route_changes_pkey: PRIMARY KEY (revision)
constraint route_feed.route_feed_keep_changes_check: CHECK ((keep_changes > 0))
constraint route_feed.route_feed_pkey: PRIMARY KEY (single)
constraint route_feed.route_feed_single_check: CHECK (single)
constraint schema_versions.schema_versions_fingerprint_check: CHECK ((fingerprint <> ''::text))
constraint schema_versions.schema_versions_pkey: PRIMARY KEY (version)
constraint tenants.tenants_key_check: CHECK ((key ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'::text))
constraint tenants.tenants_key_key: UNIQUE (key)
constraint tenants.tenants_limits_check: CHECK ((jsonb_typeof(limits) = 'object'::text))
constraint tenants.tenants_pkey: PRIMARY KEY (id)
constraint tenants.tenants_plan_fkey: FOREIGN KEY (plan) REFERENCES tenantry.plans(id)
constraint tenants.tenants_settings_check: CHECK ((jsonb_typeof(settings) = 'object'::text))
constraint tenants.tenants_state_check: CHECK ((state = ANY (ARRAY['provisioning'::text, 'active'::text, 'suspended'::text, 'dropping'::text])))
constraint tenants.tenants_uuid_key: UNIQUE (uuid)
index CREATE INDEX audit_subject ON tenantry.audit USING btree (subject, id)
index CREATE INDEX audit_tenant ON tenantry.audit USING btree (tenant, id) WHERE (tenant IS NOT NULL)
index CREATE UNIQUE INDEX audit_pkey ON tenantry.audit USING btree (id)
index CREATE UNIQUE INDEX clusters_name_key ON tenantry.clusters USING btree (name)
index CREATE UNIQUE INDEX clusters_pkey ON tenantry.clusters USING btree (id)
index CREATE UNIQUE INDEX databases_cluster_login_key ON tenantry.databases USING btree (cluster, login)
index CREATE UNIQUE INDEX databases_cluster_name_key ON tenantry.databases USING btree (cluster, name)
index CREATE UNIQUE INDEX databases_pkey ON tenantry.databases USING btree (id)
index CREATE INDEX domains_tenant ON tenantry.domains USING btree (tenant)
index CREATE UNIQUE INDEX domains_pkey ON tenantry.domains USING btree (domain)
index CREATE UNIQUE INDEX gateways_number_key ON tenantry.gateways USING btree (number)
index CREATE UNIQUE INDEX gateways_pkey ON tenantry.gateways USING btree (id)
index CREATE INDEX login_tenants_tenant ON tenantry.login_tenants USING btree (tenant)
index CREATE UNIQUE INDEX login_tenants_pkey ON tenantry.login_tenants USING btree (login, tenant)
index CREATE UNIQUE INDEX logins_name_key ON tenantry.logins USING btree (name)
index CREATE UNIQUE INDEX logins_pkey ON tenantry.logins USING btree (id)
index CREATE UNIQUE INDEX migrations_pkey ON tenantry.migrations USING btree (version)
index CREATE INDEX placements_database ON tenantry.placements USING btree (database)
index CREATE UNIQUE INDEX placements_own_database ON tenantry.placements USING btree (database) WHERE (model = 'database'::text)
index CREATE UNIQUE INDEX placements_own_schema ON tenantry.placements USING btree (database, schema) WHERE (model = 'schema'::text)
index CREATE UNIQUE INDEX placements_pkey ON tenantry.placements USING btree (tenant)
index CREATE UNIQUE INDEX plans_name_key ON tenantry.plans USING btree (name)
index CREATE UNIQUE INDEX plans_pkey ON tenantry.plans USING btree (id)
index CREATE UNIQUE INDEX route_changes_pkey ON tenantry.route_changes USING btree (revision)
index CREATE UNIQUE INDEX route_feed_pkey ON tenantry.route_feed USING btree (single)
index CREATE UNIQUE INDEX schema_versions_pkey ON tenantry.schema_versions USING btree (version)
index CREATE INDEX tenants_pending ON tenantry.tenants USING btree (key) WHERE (state = ANY (ARRAY['provisioning'::text, 'dropping'::text]))
index CREATE INDEX tenants_plan ON tenantry.tenants USING btree (plan, id)
index CREATE UNIQUE INDEX tenants_key_key ON tenantry.tenants USING btree (key)
index CREATE UNIQUE INDEX tenants_pkey ON tenantry.tenants USING btree (id)
index CREATE UNIQUE INDEX tenants_uuid_key ON tenantry.tenants USING btree (uuid)
sequence audit_id_seq: bigint cycle f
sequence clusters_id_seq: integer cycle f
sequence databases_id_seq: integer cycle f
sequence logins_id_seq: integer cycle f
sequence plans_id_seq: integer cycle f
sequence route_revision: bigint cycle f
sequence schema_versions_version_seq: integer cycle f
sequence tenants_id_seq: bigint cycle f
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON tenantry.audit FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change()
CREATE TRIGGER a_lock_routes BEFORE INSERT OR DELETE OR UPDATE ON tenantry.clusters FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()
CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.clusters FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.clusters FOR EACH ROW WHEN (((((((((old.name IS DISTINCT FROM new.name) OR (old.host IS DISTINCT FROM new.host)) OR (old.port IS DISTINCT FROM new.port)) OR (old.max_connections IS DISTINCT FROM new.max_connections)) OR (old.sslmode IS DISTINCT FROM new.sslmode)) OR (old.ssl_root_cert IS DISTINCT FROM new.ssl_root_cert)) OR (old.more_hosts IS DISTINCT FROM new.more_hosts)) OR (old.replicas IS DISTINCT FROM new.replicas))) EXECUTE FUNCTION tenantry.log_route_change('cluster', 'id')
CREATE TRIGGER a_lock_routes BEFORE INSERT OR DELETE OR UPDATE ON tenantry.databases FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()
CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.databases FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.databases FOR EACH ROW WHEN ((((((((old.id IS DISTINCT FROM new.id) OR (old.cluster IS DISTINCT FROM new.cluster)) OR (old.name IS DISTINCT FROM new.name)) OR (old.login IS DISTINCT FROM new.login)) OR (old.context IS DISTINCT FROM new.context)) OR (old.key_id IS DISTINCT FROM new.key_id)) OR (old.max_connections IS DISTINCT FROM new.max_connections))) EXECUTE FUNCTION tenantry.log_route_change('database', 'id')
CREATE TRIGGER route_made AFTER INSERT OR DELETE ON tenantry.databases FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('database', 'id')
CREATE TRIGGER a_lock_routes BEFORE INSERT OR DELETE OR UPDATE ON tenantry.domains FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()
CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.domains FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()
CREATE TRIGGER route_changed AFTER INSERT OR DELETE OR UPDATE ON tenantry.domains FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('tenant', 'tenant')
CREATE TRIGGER a_lock_routes BEFORE INSERT OR DELETE OR UPDATE ON tenantry.login_tenants FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()
CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.login_tenants FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()
CREATE TRIGGER route_changed AFTER INSERT OR DELETE OR UPDATE ON tenantry.login_tenants FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('login', 'login')
CREATE TRIGGER a_lock_routes BEFORE INSERT OR DELETE OR UPDATE ON tenantry.logins FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()
CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.logins FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.logins FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION tenantry.log_route_change('login', 'id')
CREATE TRIGGER route_made AFTER INSERT OR DELETE ON tenantry.logins FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('login', 'id')
CREATE TRIGGER a_lock_routes BEFORE INSERT OR DELETE OR UPDATE ON tenantry.placements FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()
CREATE TRIGGER check_placement BEFORE INSERT OR DELETE OR UPDATE ON tenantry.placements FOR EACH ROW EXECUTE FUNCTION tenantry.check_placement()
CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.placements FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.placements FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION tenantry.log_route_change('tenant', 'tenant')
CREATE TRIGGER route_made AFTER INSERT OR DELETE ON tenantry.placements FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('tenant', 'tenant')
CREATE TRIGGER a_lock_routes BEFORE INSERT OR DELETE OR UPDATE ON tenantry.plans FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()
CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.plans FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.plans FOR EACH ROW WHEN ((old.limits IS DISTINCT FROM new.limits)) EXECUTE FUNCTION tenantry.log_route_change('plan', 'id')
CREATE TRIGGER a_lock_routes BEFORE INSERT OR DELETE OR UPDATE ON tenantry.tenants FOR EACH STATEMENT EXECUTE FUNCTION tenantry.lock_routes()
CREATE TRIGGER reload_routes AFTER TRUNCATE ON tenantry.tenants FOR EACH STATEMENT EXECUTE FUNCTION tenantry.reload_routes()
CREATE TRIGGER route_changed AFTER UPDATE ON tenantry.tenants FOR EACH ROW WHEN ((((((old.id IS DISTINCT FROM new.id) OR (old.key IS DISTINCT FROM new.key)) OR (old.state IS DISTINCT FROM new.state)) OR (old.plan IS DISTINCT FROM new.plan)) OR (old.limits IS DISTINCT FROM new.limits))) EXECUTE FUNCTION tenantry.log_route_change('tenant', 'id')
CREATE TRIGGER route_made AFTER INSERT OR DELETE ON tenantry.tenants FOR EACH ROW EXECUTE FUNCTION tenantry.log_route_change('tenant', 'id')
CREATE OR REPLACE FUNCTION tenantry.check_placement()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
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
END $function$

CREATE OR REPLACE FUNCTION tenantry.lock_routes()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tenantry.route_changes', 0));
    RETURN NULL;
END $function$

CREATE OR REPLACE FUNCTION tenantry.log_route_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
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
END $function$

CREATE OR REPLACE FUNCTION tenantry.put_route_change(entity text, entity_id bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
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
END $function$

CREATE OR REPLACE FUNCTION tenantry.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
BEGIN
    RAISE '%.% only ever grows', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $function$

CREATE OR REPLACE FUNCTION tenantry.register_gateway(gateway text, address text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
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
END $function$

CREATE OR REPLACE FUNCTION tenantry.reload_routes()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tenantry.route_changes', 0));
    UPDATE tenantry.route_feed SET pruned_through = nextval('tenantry.route_revision');
    PERFORM pg_notify('tenantry_routes', '');
    RETURN NULL;
END $function$

