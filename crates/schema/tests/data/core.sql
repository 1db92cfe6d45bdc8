-- Stand-ins for the isolation core, for this crate's tests alone: a context that is a plain setting isolates nothing.
-- Roles belong to the whole cluster and tests run side by side.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['tenantry_owner', 'tenantry_app_lab'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA tenancy;
GRANT USAGE ON SCHEMA tenancy TO tenantry_owner, tenantry_app_lab;
CREATE FUNCTION tenancy.tenant_id() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('tenancy.lab', true), '')::bigint;
CREATE FUNCTION tenancy.shared_tenant_id() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('tenancy.lab', true), '')::bigint;
-- What the core's functions for partitions and scopes look at.
CREATE TABLE tenancy.gate (tenant bigint PRIMARY KEY, value text NOT NULL, state text NOT NULL DEFAULT 'active');
CREATE FUNCTION tenancy.fence_key(tenant bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN tenant;
