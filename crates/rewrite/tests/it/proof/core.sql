-- Stand-ins for the isolation core: what the proof compares is the catalog, no tenant ever enters.
-- Roles belong to the whole cluster and tests run side by side.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['tenantry_owner', 'tenantry_app_proof', 'tenantry_ro_proof'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;
CREATE SCHEMA tenancy;
GRANT USAGE ON SCHEMA tenancy TO tenantry_owner, tenantry_app_proof, tenantry_ro_proof;
