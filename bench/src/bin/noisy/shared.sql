-- A table that tenants share, as the schema engine compiles it, with the rows of some.
CREATE TABLE notes (
    tenant_id bigint NOT NULL DEFAULT tenancy.tenant_id(), id bigint NOT NULL, body text, PRIMARY KEY (tenant_id, id)
);
INSERT INTO notes SELECT t, n, 'note ' || n FROM unnest(ARRAY[{tenants}]) t, generate_series(1, {rows}) n;
ALTER TABLE notes OWNER TO tenantry_owner;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY allow ON notes AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
CREATE POLICY floor ON notes AS RESTRICTIVE FOR ALL TO PUBLIC
    USING (tenant_id = tenancy.shared_tenant_id()) WITH CHECK (tenant_id = (SELECT tenancy.shared_tenant_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO {login};
