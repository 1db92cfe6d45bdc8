-- A partition for one tenant, and back (tables partitioned by list). Neither direction scans the default partition while
-- everybody waits: that is why each is several steps, each in a transaction of its own.
--
--   give: split_tenant (moves the rows, and a CHECK that is not validated keeps new ones out of the default partition),
--         validate_split (scans, under a lock that lets reads and writes through), attach_split (both CHECKs prove what
--         ATTACH would scan for);
--   take: detach_split, merge_split.
--
-- Between the steps the tenant's rows are not in the table, so the tenant must be suspended: each step refuses an active
-- one. Killed anywhere, the same steps go on from there.

CREATE OR REPLACE FUNCTION tenancy.require_suspended(p_value text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  tenant bigint;
BEGIN
  SELECT g.tenant INTO tenant FROM tenancy.gate g WHERE g.value = p_value AND g.state = 'active';
  IF FOUND THEN
    RAISE EXCEPTION 'tenant % is active', p_value
      USING ERRCODE = 'object_in_use', HINT = 'suspend the tenant while its rows are moved';
  END IF;
  SELECT g.tenant INTO tenant FROM tenancy.gate g WHERE g.value = p_value;
  IF FOUND THEN
    -- Whoever entered before the suspension is waited for.
    PERFORM pg_advisory_xact_lock(tenancy.fence_key(tenant));
  END IF;
END
$body$;

-- The managed table's row, locked, so that steps on one table come one after the other.
CREATE OR REPLACE FUNCTION tenancy.lock_list(p_parent regclass) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  key text;
BEGIN
  SELECT p.key INTO key FROM tenancy.partitioning p WHERE p.parent = p_parent AND p.method = 'list' FOR UPDATE;
  IF key IS NULL THEN
    RAISE EXCEPTION '% is not a managed table that is partitioned by list', p_parent USING ERRCODE = 'wrong_object_type';
  END IF;
  RETURN key;
END
$body$;

-- 'split', or 'there' where the tenant has a partition already.
CREATE OR REPLACE FUNCTION tenancy.split_tenant(p_parent regclass, p_value text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
  key text := tenancy.lock_list(p_parent);
  fallback regclass := (SELECT p.partition FROM tenancy.partitions_of(p_parent) p WHERE p.is_default);
  made regclass;
  foreign_key record;
BEGIN
  IF EXISTS (SELECT FROM tenancy.partitions_of(p_parent) p WHERE p.value = p_value) THEN
    RETURN 'there';
  END IF;
  PERFORM tenancy.require_suspended(p_value);
  IF EXISTS (SELECT FROM tenancy.loose_partitions l WHERE l.parent = p_parent AND l.value = p_value) THEN
    UPDATE tenancy.loose_partitions l SET state = 'joining' WHERE l.parent = p_parent AND l.value = p_value;
    -- One that was leaving has its rows, and its CHECK is put on below.
    SELECT l.partition INTO made FROM tenancy.loose_partitions l WHERE l.parent = p_parent AND l.value = p_value;
  ELSE
    made := tenancy.build_partition(p_parent, 't' || CASE WHEN length(p_value) <= 20 THEN p_value ELSE left(md5(p_value), 16) END);
    INSERT INTO tenancy.loose_partitions (partition, parent, bounds, value, state)
    VALUES (made, p_parent, format('FOR VALUES IN (%L)', p_value), p_value, 'joining');
    PERFORM tenancy.move_rows(fallback, made, format('%I = %L', key, p_value));
    -- Those that ATTACH would have to check by reading everything. References of the table to itself can't be met yet.
    FOR foreign_key IN
      SELECT n.conname, pg_get_constraintdef(n.oid) AS definition FROM pg_constraint n
       WHERE n.conrelid = p_parent AND n.contype = 'f' AND n.confrelid <> p_parent AND n.conparentid = 0
    LOOP
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', made, foreign_key.conname, foreign_key.definition);
    END LOOP;
  END IF;
  PERFORM tenancy.secure_partition(p_parent, made, 'joining');
  IF NOT EXISTS (SELECT FROM pg_constraint n WHERE n.conrelid = made AND n.conname = 'tenantry_split') THEN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT tenantry_split CHECK (%I = %L)', made, key, p_value);
  END IF;
  IF NOT EXISTS (SELECT FROM pg_constraint n WHERE n.conrelid = fallback AND n.conname = tenancy.split_name(p_value)) THEN
    -- Last: this lock on the default partition is exclusive, until the end of the transaction.
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I <> %L) NOT VALID', fallback, tenancy.split_name(p_value), key, p_value);
  END IF;
  RETURN 'split';
END
$body$;

CREATE OR REPLACE FUNCTION tenancy.split_name(p_value text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN 'tenantry_without_' || left(md5(p_value), 16);

CREATE OR REPLACE FUNCTION tenancy.validate_split(p_parent regclass, p_value text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
  fallback regclass;
BEGIN
  PERFORM tenancy.lock_list(p_parent);
  SELECT p.partition INTO fallback FROM tenancy.partitions_of(p_parent) p WHERE p.is_default;
  IF EXISTS (SELECT FROM pg_constraint n WHERE n.conrelid = fallback AND n.conname = tenancy.split_name(p_value)) THEN
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', fallback, tenancy.split_name(p_value));
  END IF;
END
$body$;

CREATE OR REPLACE FUNCTION tenancy.attach_split(p_parent regclass, p_value text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
  fallback regclass;
  loose tenancy.loose_partitions;
BEGIN
  PERFORM tenancy.lock_list(p_parent);
  SELECT p.partition INTO fallback FROM tenancy.partitions_of(p_parent) p WHERE p.is_default;
  SELECT * INTO loose FROM tenancy.loose_partitions l
   WHERE l.parent = p_parent AND l.value = p_value AND l.state = 'joining';
  IF FOUND THEN
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', p_parent, loose.partition, loose.bounds);
    DELETE FROM tenancy.loose_partitions l WHERE l.partition = loose.partition;
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS tenantry_split', loose.partition);
    PERFORM tenancy.secure_partition(p_parent, loose.partition, 'of');
    PERFORM tenancy.identify_partition(p_parent, loose.partition);
  END IF;
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', fallback, tenancy.split_name(p_value));
END
$body$;

-- 'leaving', or 'there' where the tenant has no partition of its own.
CREATE OR REPLACE FUNCTION tenancy.detach_split(p_parent regclass, p_value text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
  own regclass;
BEGIN
  PERFORM tenancy.lock_list(p_parent);
  SELECT p.partition INTO own FROM tenancy.partitions_of(p_parent) p WHERE p.value = p_value;
  IF own IS NOT NULL THEN
    PERFORM tenancy.require_suspended(p_value);
    PERFORM tenancy.detach_partition(own, 'leaving');
  END IF;
  IF EXISTS (SELECT FROM tenancy.loose_partitions l WHERE l.parent = p_parent AND l.value = p_value) THEN
    RETURN 'leaving';
  END IF;
  RETURN 'there';
END
$body$;

CREATE OR REPLACE FUNCTION tenancy.merge_split(p_parent regclass, p_value text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
  key text := tenancy.lock_list(p_parent);
  fallback regclass := (SELECT p.partition FROM tenancy.partitions_of(p_parent) p WHERE p.is_default);
  loose regclass;
BEGIN
  SELECT l.partition INTO loose FROM tenancy.loose_partitions l WHERE l.parent = p_parent AND l.value = p_value;
  IF loose IS NULL THEN
    RETURN;
  END IF;
  PERFORM tenancy.require_suspended(p_value);
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', fallback, tenancy.split_name(p_value));
  PERFORM tenancy.move_rows(loose, fallback, format('%I = %L', key, p_value));
  DELETE FROM tenancy.loose_partitions l WHERE l.partition = loose;
  EXECUTE format('DROP TABLE %s', loose);
END
$body$;
