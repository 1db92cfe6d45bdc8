-- Numbers for tenants that are known by words. Numbers are given out by a sequence, so that nobody waits for anybody; one whose
-- transaction is rolled back is lost.
CREATE TABLE IF NOT EXISTS tenancy_convert.words (word text PRIMARY KEY, tenant bigint NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS tenancy_convert.reserved (number bigint PRIMARY KEY, tenant bigint NOT NULL UNIQUE);
CREATE SEQUENCE IF NOT EXISTS tenancy_convert.given;
CREATE OR REPLACE FUNCTION tenancy_convert.tenant_of(p_word text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  found bigint;
  next bigint;
BEGIN
  SELECT w.tenant INTO found FROM tenancy_convert.words w WHERE w.word = p_word;
  IF found IS NOT NULL OR p_word IS NULL THEN
    RETURN found;
  END IF;
  next := nextval('tenancy_convert.given');
  SELECT r.tenant INTO found FROM tenancy_convert.reserved r WHERE r.number = next;
  IF found IS NULL THEN
    RAISE EXCEPTION 'no tenant id is left for %', quote_literal(p_word)
      USING ERRCODE = 'program_limit_exceeded', HINT = 'run `tenantry convert run` again: it reserves more';
  END IF;
  INSERT INTO tenancy_convert.words (word, tenant) VALUES (p_word, found) ON CONFLICT (word) DO NOTHING;
  -- Somebody else may have been quicker.
  SELECT w.tenant INTO found FROM tenancy_convert.words w WHERE w.word = p_word;
  RETURN found;
END
$body$;
