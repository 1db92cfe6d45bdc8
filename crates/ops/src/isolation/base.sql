-- The parts of the core that both kinds of context share. Every statement may run again.
CREATE SCHEMA IF NOT EXISTS tenancy AUTHORIZATION tenantry_context;
REVOKE ALL ON SCHEMA tenancy FROM PUBLIC;
COMMENT ON SCHEMA tenancy IS 'Tenantry: the tenant context of this database. Do not edit.';

-- One row: what is installed here.
CREATE TABLE IF NOT EXISTS tenancy.core (
  only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version      integer NOT NULL,
  context      text NOT NULL CHECK (context IN ('carrier', 'signed')),
  tenant_type  text NOT NULL CHECK (tenant_type IN ('bigint', 'uuid', 'text')),
  installed_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- The signing keys, as HMAC's two padded blocks, so that a check is two hashes. Two at a time, for rotation.
CREATE TABLE IF NOT EXISTS tenancy.keys (
  id         integer PRIMARY KEY,
  inner_pad  bytea NOT NULL CHECK (pg_catalog.length(inner_pad) = 64),
  outer_pad  bytea NOT NULL CHECK (pg_catalog.length(outer_pad) = 64),
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- The local copy of the tenant mapping, from which a lost catalog can be rebuilt, and the fence.
CREATE TABLE IF NOT EXISTS tenancy.gate (
  tenant     bigint PRIMARY KEY CHECK (tenant > 0),
  key        text NOT NULL,
  -- What the tenant column holds. The carrier takes no other characters.
  value      text NOT NULL CHECK (value ~ '^[0-9a-z][0-9a-z_-]{0,62}$'),
  epoch      bigint NOT NULL,
  state      text NOT NULL CHECK (state IN ('active', 'suspended', 'incoming', 'moved')),
  placement  jsonb NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- Which schema each SQL schema of this database holds, written in the DDL's own transaction.
CREATE TABLE IF NOT EXISTS tenancy.schema_version (
  schema      text PRIMARY KEY,
  version     integer NOT NULL,
  fingerprint text NOT NULL,
  applied_at  timestamptz NOT NULL DEFAULT pg_catalog.now()
);

CREATE OR REPLACE FUNCTION tenancy.version() RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN (SELECT c.version FROM tenancy.core c);

-- The advisory lock that stands for a tenant: 'TEN', a zero byte, and the tenant's id.
CREATE OR REPLACE FUNCTION tenancy.fence_key(tenant bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 6072341171461062656 + tenant;

-- Installs a key of 32 bytes. A third key is refused: a rotation that was not finished must be seen.
CREATE OR REPLACE FUNCTION tenancy.put_key(p_key integer, p_bytes bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  padded bytea;
  inner_pad bytea;
  outer_pad bytea;
BEGIN
  IF length(p_bytes) IS DISTINCT FROM 32 THEN
    RAISE EXCEPTION 'a context key has 32 bytes' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  LOCK TABLE tenancy.keys IN SHARE ROW EXCLUSIVE MODE;
  IF (SELECT count(*) FROM tenancy.keys k WHERE k.id <> p_key) >= 2 THEN
    RAISE EXCEPTION 'two context keys are installed already' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  padded := p_bytes || decode(repeat('00', 32), 'hex');
  inner_pad := padded;
  outer_pad := padded;
  FOR i IN 0..63 LOOP
    inner_pad := set_byte(inner_pad, i, get_byte(padded, i) # 54);
    outer_pad := set_byte(outer_pad, i, get_byte(padded, i) # 92);
  END LOOP;
  INSERT INTO tenancy.keys AS k (id, inner_pad, outer_pad) VALUES (p_key, inner_pad, outer_pad)
    ON CONFLICT (id) DO UPDATE SET inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad
    WHERE k.inner_pad <> excluded.inner_pad OR k.outer_pad <> excluded.outer_pad;
END
$body$;

-- Removes a key; the last one stays, or nobody could enter any more.
CREATE OR REPLACE FUNCTION tenancy.drop_key(p_key integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  LOCK TABLE tenancy.keys IN SHARE ROW EXCLUSIVE MODE;
  IF NOT EXISTS (SELECT FROM tenancy.keys k WHERE k.id <> p_key) THEN
    RAISE EXCEPTION 'the last context key stays' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  DELETE FROM tenancy.keys k WHERE k.id = p_key;
  RETURN FOUND;
END
$body$;
