-- A tenant's schema, with three tables under the floor.
INSERT INTO tenancy.gate (tenant, key, value, epoch, state, placement)
VALUES ({id}, '{schema}', '{id}', 1, 'active', '{"model": "schema"}');
CREATE SCHEMA {schema} AUTHORIZATION tenantry_owner;
GRANT USAGE ON SCHEMA {schema} TO {login};
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['one', 'two', 'three'] LOOP
    EXECUTE format('CREATE TABLE {schema}.%I (id bigint PRIMARY KEY, a text, b text, c timestamptz)', t);
    EXECUTE format('ALTER TABLE {schema}.%I OWNER TO tenantry_owner', t);
    EXECUTE format('ALTER TABLE {schema}.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY allow ON {schema}.%I USING (true) WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY floor ON {schema}.%I AS RESTRICTIVE USING ((SELECT tenancy.tenant_id()) = {id})', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.%I TO {login}', t);
  END LOOP;
END $$;
