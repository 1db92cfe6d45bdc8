-- Partitions that Tenantry makes and looks after. What a partition has to have is written nowhere here: it gets what the
-- compiler gave its parent (columns, checks, indexes, row-level security, owner), and no grants.
--
-- Nobody but operators may call any of this. Every wait for a lock is bounded; a call that waited in vain says so, and
-- calling again is always right.

-- What is looked after. The compiled DDL fills it in (manage_partitions).
CREATE TABLE IF NOT EXISTS tenancy.partitioning (
  parent  regclass PRIMARY KEY,
  method  text NOT NULL CHECK (method IN ('range', 'hash', 'list')),
  key     text NOT NULL,
  every   interval,
  ahead   integer CHECK (ahead >= 0),
  retain  interval CHECK (retain > '0'),
  modulus integer CHECK (modulus > 0),
  -- Storage parameters, name=value: a partitioned table can't have any itself.
  options text[] NOT NULL DEFAULT '{}',
  CHECK ((method = 'range') = (every IS NOT NULL AND ahead IS NOT NULL)),
  CHECK ((method = 'hash') = (modulus IS NOT NULL)),
  CHECK (retain IS NULL OR method = 'range')
);

-- Tables that were partitions (detached, leaving) or will be (joining). Their rows are still tenants' rows.
CREATE TABLE IF NOT EXISTS tenancy.loose_partitions (
  partition regclass PRIMARY KEY,
  parent    regclass NOT NULL,
  bounds    text NOT NULL,
  -- The tenant, of a list partition.
  value     text,
  state     text NOT NULL CHECK (state IN ('detached', 'joining', 'leaving')),
  since     timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- The start of the period that a time lies in, or of one before or after it. Periods of days and weeks are counted from
-- a Monday, those of months and years from a January; always in UTC.
CREATE OR REPLACE FUNCTION tenancy.period_start(p_every interval, p_at timestamp, p_offset integer) RETURNS timestamp
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  months integer := extract(year FROM p_every) * 12 + extract(month FROM p_every);
  days integer := extract(day FROM p_every);
  first timestamp := '2001-01-01';
BEGIN
  IF p_every <> make_interval(months => months, days => days) OR (months > 0) = (days > 0) OR months < 0 OR days < 0 THEN
    RAISE EXCEPTION 'a period of % is not whole days or whole months', p_every
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF months > 0 THEN
    RETURN first + make_interval(months => months * (p_offset
      + floor(((extract(year FROM p_at) - 2001) * 12 + extract(month FROM p_at) - 1) / months)::integer));
  END IF;
  RETURN first + make_interval(days => days * (p_offset
    + floor((p_at::date - first::date)::numeric / days)::integer));
END
$body$;

-- The partitions of a table, with their bounds: times in UTC, or the one value of a list.
CREATE OR REPLACE FUNCTION tenancy.partitions_of(p_parent regclass)
RETURNS TABLE (partition regclass, is_default boolean, lower timestamp, upper timestamp, value text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $body$
BEGIN
  RETURN QUERY
  SELECT c.oid::regclass, b.text = 'DEFAULT',
         CASE WHEN r.part[1] = 'MINVALUE' THEN '-infinity'::timestamp ELSE trim('''' FROM r.part[1])::timestamptz::timestamp END,
         CASE WHEN r.part[2] = 'MAXVALUE' THEN 'infinity'::timestamp ELSE trim('''' FROM r.part[2])::timestamptz::timestamp END,
         replace(substring(b.text FROM '^FOR VALUES IN \(''(.*)''\)$'), '''''', '''')
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS text) b
    -- Of ranges over one column of time; others have no lower and no upper here.
    CROSS JOIN LATERAL (SELECT regexp_match(b.text,
      '^FOR VALUES FROM \((MINVALUE|''[^'']*'')\) TO \((MAXVALUE|''[^'']*'')\)$') AS part) r
   WHERE i.inhparent = p_parent AND NOT i.inhdetachpending
   ORDER BY c.relname;
END
$body$;

-- A name that nothing has yet: <parent>_<suffix>, cut to what PostgreSQL can store.
CREATE OR REPLACE FUNCTION tenancy.partition_name(p_parent regclass, p_suffix text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  stem text;
  space oid;
  ending text := '_' || p_suffix;
  number integer := 1;
BEGIN
  SELECT c.relname, c.relnamespace INTO STRICT stem, space FROM pg_class c WHERE c.oid = p_parent;
  LOOP
    WHILE octet_length(stem || ending) > 63 LOOP
      stem := left(stem, -1);
    END LOOP;
    EXIT WHEN NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = space AND c.relname = stem || ending)
          AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = space AND t.typname = stem || ending);
    number := number + 1;
    ending := '_' || p_suffix || '_' || number;
  END LOOP;
  RETURN stem || ending;
END
$body$;

-- A table of its own that can become a partition: like its parent, empty, and nobody's yet.
CREATE OR REPLACE FUNCTION tenancy.build_partition(p_parent regclass, p_suffix text) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  made regclass;
  name text := tenancy.partition_name(p_parent, p_suffix);
  parent record;
  options text[] := (SELECT p.options FROM tenancy.partitioning p WHERE p.parent = p_parent);
  column_ record;
BEGIN
  SELECT n.nspname, t.spcname, a.amname INTO STRICT parent
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace LEFT JOIN pg_am a ON a.oid = c.relam
   WHERE c.oid = p_parent;
  -- Partitions take identity columns from their parent; until 16 they have none, and only the parent is written to.
  EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING ALL EXCLUDING IDENTITY EXCLUDING COMMENTS)%s%s%s',
    parent.nspname, name, p_parent, ' USING ' || quote_ident(parent.amname),
    (SELECT ' WITH (' || string_agg(
              (SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(split_part(o, '=', 1), '.')) part)
              || ' = ' || quote_literal(substr(o, strpos(o, '=') + 1)), ', ') || ')'
       FROM unnest(options) o),
    ' TABLESPACE ' || quote_ident(parent.spcname));
  made := format('%I.%I', parent.nspname, name)::regclass;
  -- What LIKE leaves out.
  FOR column_ IN
    SELECT a.attname, a.attstattarget, array_to_string(a.attoptions, ', ') AS options FROM pg_attribute a
     WHERE a.attrelid = p_parent AND a.attnum > 0 AND NOT a.attisdropped
  LOOP
    IF column_.attstattarget >= 0 THEN
      EXECUTE format('ALTER TABLE %s ALTER %I SET STATISTICS %s', made, column_.attname, column_.attstattarget);
    END IF;
    IF column_.options ~ '^n_distinct' THEN
      EXECUTE format('ALTER TABLE %s ALTER %I SET (%s)', made, column_.attname, column_.options);
    END IF;
  END LOOP;
  RETURN made;
END
$body$;

-- Moves rows between two tables of the same columns. Triggers and foreign keys stay out of it, where we may say so:
-- to them nothing happens. Where we may not, they act, and what they refuse stays where it is; what they would delete or change
-- in other tables is refused here.
CREATE OR REPLACE FUNCTION tenancy.move_rows(p_from regclass, p_to regclass, p_rows text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  columns text;
  moved bigint;
  quiet boolean := has_parameter_privilege('session_replication_role', 'SET');
  before text := current_setting('session_replication_role');
  bound regclass[];
  one regclass;
  reaching record;
  any_rows boolean;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO STRICT columns FROM pg_attribute a
   WHERE a.attrelid = p_from AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
  -- An owner who is no superuser is bound by the floor too. Both tables are locked until it is back.
  SELECT array_agg(t) INTO bound FROM unnest(ARRAY[p_from, p_to]) t WHERE row_security_active(t);
  FOREACH one IN ARRAY coalesce(bound, '{}') LOOP
    EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', one);
  END LOOP;
  IF quiet THEN
    PERFORM set_config('session_replication_role', 'replica', true);
  ELSE
    SELECT n.conname, n.conrelid::regclass AS by INTO reaching FROM pg_constraint n
     WHERE n.confrelid = p_from AND n.contype = 'f' AND n.confdeltype IN ('c', 'n', 'd') ORDER BY n.conname LIMIT 1;
    IF FOUND THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s WHERE %s)', p_from, p_rows) INTO any_rows;
      IF any_rows THEN
        RAISE EXCEPTION 'moving rows of % would act on what refers to them (% on %)', p_from, reaching.conname, reaching.by
          USING ERRCODE = 'foreign_key_violation', HINT = 'it takes a superuser, or a role that may set session_replication_role';
      END IF;
    END IF;
  END IF;
  EXECUTE format('WITH gone AS (DELETE FROM ONLY %s WHERE %s RETURNING %s)
                  INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM gone',
    p_from, p_rows, columns, p_to, columns, columns);
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF quiet THEN
    PERFORM set_config('session_replication_role', before, true);
  END IF;
  FOREACH one IN ARRAY coalesce(bound, '{}') LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', one);
  END LOOP;
  RETURN moved;
END
$body$;

-- Row-level security, owner, privileges and comment, as the parent has them, before anybody can reach the table.
CREATE OR REPLACE FUNCTION tenancy.secure_partition(p_parent regclass, p_partition regclass, p_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  parent pg_class;
  policy record;
  holder record;
BEGIN
  SELECT * INTO STRICT parent FROM pg_class c WHERE c.oid = p_parent;
  FOR policy IN
    SELECT p.polname, p.polpermissive,
           CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                         ELSE 'ALL' END AS command,
           (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ')
              FROM unnest(p.polroles) r) AS roles,
           ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')' AS using_,
           ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')' AS check_
      FROM pg_policy p
     WHERE p.polrelid = p_parent
       AND NOT EXISTS (SELECT FROM pg_policy o WHERE o.polrelid = p_partition AND o.polname = p.polname)
  LOOP
    EXECUTE format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', policy.polname, p_partition,
      CASE WHEN policy.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
      policy.command, policy.roles, policy.using_, policy.check_);
  END LOOP;
  IF parent.relrowsecurity THEN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_partition);
  END IF;
  IF parent.relforcerowsecurity THEN
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_partition);
  END IF;
  EXECUTE format('COMMENT ON TABLE %s IS %L', p_partition, concat_ws(E'\n',
    format('tenantry:partition=%s %s', p_state, parent.relname),
    (SELECT string_agg(line, E'\n') FROM unnest(string_to_array(obj_description(p_parent, 'pg_class'), E'\n')) line
      WHERE line LIKE 'tenantry:kind=%')));
  -- Default privileges may have granted something. Who reaches a partition past its parent is bound by the floor all the
  -- same, but has no business there.
  FOR holder IN
    SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS name
      FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = p_partition AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', p_partition, holder.name);
  END LOOP;
  EXECUTE format('ALTER TABLE %s OWNER TO %I', p_partition, pg_get_userbyid(parent.relowner));
END
$body$;

-- The replica identity, which neither LIKE nor ATTACH passes on.
CREATE OR REPLACE FUNCTION tenancy.identify_partition(p_parent regclass, p_partition regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  identity "char" := (SELECT c.relreplident FROM pg_class c WHERE c.oid = p_parent);
  named text;
BEGIN
  IF identity = 'i' THEN
    SELECT c.relname INTO named
      FROM pg_index up JOIN pg_inherits i ON i.inhparent = up.indexrelid
      JOIN pg_index down ON down.indexrelid = i.inhrelid AND down.indrelid = p_partition
      JOIN pg_class c ON c.oid = down.indexrelid
     WHERE up.indrelid = p_parent AND up.indisreplident;
  END IF;
  IF identity <> 'd' THEN
    EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', p_partition,
      CASE identity WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX ' || quote_ident(named) END);
  END IF;
END
$body$;

-- A partition, with the rows that landed in the default partition before it was there: they are moved in the same
-- transaction, so that they don't stand in its way and nobody ever misses them.
CREATE OR REPLACE FUNCTION tenancy.add_partition(p_parent regclass, p_suffix text, p_bounds text, p_rows text)
RETURNS regclass LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $body$
DECLARE
  made regclass;
  fallback regclass;
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', p_parent);
  SELECT p.partition INTO fallback FROM tenancy.partitions_of(p_parent) p WHERE p.is_default;
  made := tenancy.build_partition(p_parent, p_suffix);
  IF fallback IS NOT NULL AND p_rows IS NOT NULL THEN
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', fallback);
    PERFORM tenancy.move_rows(fallback, made, p_rows);
  END IF;
  PERFORM tenancy.secure_partition(p_parent, made, 'of');
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', p_parent, made, p_bounds);
  PERFORM tenancy.identify_partition(p_parent, made);
  RETURN made;
END
$body$;

-- Which periods have no partition yet: the present one, those ahead, and those of rows in the default partition. A period
-- that is partly covered gives its open part.
--
-- Any tenant may write any time into a row, and partitions are everybody's. So of the rows in the default partition the latest hundred
-- periods count, of the years that a business has rows of, and only while the table has not more partitions (attached or
-- not) than is sensible; the others stay where they are.
CREATE OR REPLACE FUNCTION tenancy.due_periods(p_parent regclass, p_now timestamptz)
RETURNS TABLE (lower timestamp, upper timestamp)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $body$
DECLARE
  managed tenancy.partitioning;
  fallback regclass;
  starts timestamp[];
  horizon timestamp;
  room bigint;
BEGIN
  SELECT * INTO STRICT managed FROM tenancy.partitioning p WHERE p.parent = p_parent;
  horizon := tenancy.period_start(managed.every, p_now::timestamp, managed.ahead + 1);
  SELECT p.partition INTO fallback FROM tenancy.partitions_of(p_parent) p WHERE p.is_default;
  IF fallback IS NOT NULL THEN
    room := least(100, 1024 - (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = p_parent)
                       - (SELECT count(*) FROM tenancy.loose_partitions l WHERE l.parent = p_parent));
    EXECUTE format('SELECT array_agg(s) FROM (SELECT DISTINCT tenancy.period_start($1, (%1$I)::timestamp, 0) AS s
                      FROM ONLY %2$s WHERE %1$I >= ''1000-01-01'' AND %1$I < $2 ORDER BY 1 DESC LIMIT $3) found', managed.key, fallback)
      INTO starts USING managed.every, horizon, greatest(room, 0);
  END IF;
  RETURN QUERY
  WITH wanted AS (
    SELECT tenancy.period_start(managed.every, p_now::timestamp, n) AS low FROM generate_series(0, managed.ahead) n
    UNION SELECT unnest(starts)
  ), there AS (
    SELECT p.lower AS low, p.upper AS high FROM tenancy.partitions_of(p_parent) p WHERE p.lower IS NOT NULL
  ), cut AS (
    SELECT greatest(w.low, (SELECT max(t.high) FROM there t WHERE t.low <= w.low AND t.high > w.low)) AS low,
           w.low + managed.every AS high
      FROM wanted w
  )
  SELECT c.low, least(c.high, (SELECT min(t.low) FROM there t WHERE t.low > c.low AND t.low < c.high))
    FROM cut c
   WHERE c.low < c.high AND NOT EXISTS (SELECT FROM there t WHERE t.low <= c.low AND t.high > c.low)
   ORDER BY 1;
END
$body$;

-- The due partitions of one table.
CREATE OR REPLACE FUNCTION tenancy.create_due(p_parent regclass, p_now timestamptz) RETURNS SETOF regclass
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $body$
DECLARE
  managed tenancy.partitioning;
  due record;
  kind text;
  fallback regclass;
  periods timestamp[];
BEGIN
  -- One at a time for a table: whoever comes second finds everything there.
  SELECT * INTO STRICT managed FROM tenancy.partitioning p WHERE p.parent = p_parent FOR UPDATE;
  SELECT CASE a.atttypid WHEN 'date'::regtype THEN 'YYYY-MM-DD' WHEN 'timestamptz'::regtype THEN 'YYYY-MM-DD HH24:MI:SS+00'
                         ELSE 'YYYY-MM-DD HH24:MI:SS' END
    INTO kind FROM pg_attribute a WHERE a.attrelid = p_parent AND a.attname = managed.key AND NOT a.attisdropped;
  IF managed.method IN ('range', 'list')
     AND NOT EXISTS (SELECT FROM tenancy.partitions_of(p_parent) p WHERE p.is_default) THEN
    RETURN NEXT tenancy.add_partition(p_parent, 'default', 'DEFAULT', NULL);
  END IF;
  IF managed.method = 'range' THEN
    SELECT p.partition INTO fallback FROM tenancy.partitions_of(p_parent) p WHERE p.is_default;
    -- An owner who is no superuser sees no tenant's rows. Nobody sees the table without its floor: the lock lasts.
    IF row_security_active(fallback) THEN
      EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', fallback);
      SELECT array_agg(ARRAY[d.lower, d.upper] ORDER BY d.lower) INTO periods FROM tenancy.due_periods(p_parent, p_now) d;
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', fallback);
    ELSE
      SELECT array_agg(ARRAY[d.lower, d.upper] ORDER BY d.lower) INTO periods FROM tenancy.due_periods(p_parent, p_now) d;
    END IF;
    FOR due IN
      SELECT periods[n][1] AS lower, periods[n][2] AS upper FROM generate_series(1, coalesce(array_length(periods, 1), 0)) n
    LOOP
      RETURN NEXT tenancy.add_partition(p_parent, to_char(due.lower, '"p"YYYYMMDD'),
        format('FOR VALUES FROM (%L) TO (%L)', to_char(due.lower, kind), to_char(due.upper, kind)),
        format('%1$I >= %2$L AND %1$I < %3$L', managed.key, to_char(due.lower, kind), to_char(due.upper, kind)));
    END LOOP;
  ELSIF managed.method = 'hash' THEN
    FOR due IN
      SELECT n AS remainder, format('FOR VALUES WITH (modulus %s, remainder %s)', managed.modulus, n) AS bounds
        FROM generate_series(0, managed.modulus - 1) n
    LOOP
      CONTINUE WHEN EXISTS (
        SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = p_parent AND pg_get_expr(c.relpartbound, c.oid) = due.bounds);
      RETURN NEXT tenancy.add_partition(p_parent, 'h' || lpad(due.remainder::text, 2, '0'), due.bounds, NULL);
    END LOOP;
  END IF;
END
$body$;

-- Makes what is due, of one managed table or of all. What is in the way of one table (another session, a trigger that raises)
-- does not keep the others from getting theirs.
CREATE OR REPLACE FUNCTION tenancy.create_partitions(
  p_parent regclass DEFAULT NULL, p_now timestamptz DEFAULT now(), p_lock_timeout text DEFAULT '2s')
RETURNS TABLE (parent text, partition text, outcome text, detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
  managed regclass;
  made regclass[];
BEGIN
  PERFORM set_config('lock_timeout', p_lock_timeout, true);
  FOR managed IN
    SELECT p.parent FROM tenancy.partitioning p JOIN pg_class c ON c.oid = p.parent
     WHERE p_parent IS NULL OR p.parent = p_parent ORDER BY p.parent::text
  LOOP
    BEGIN
      SELECT array_agg(d::oid::regclass) INTO made FROM tenancy.create_due(managed, p_now) d;
      RETURN QUERY SELECT managed::text, m::text, 'created', NULL::text FROM unnest(made) m;
    EXCEPTION WHEN OTHERS THEN
      RETURN QUERY SELECT managed::text, NULL::text, 'blocked', SQLERRM;
    END;
  END LOOP;
END
$body$;

-- What the compiled DDL calls: looks after a table from now on, and makes its first partitions.
CREATE OR REPLACE FUNCTION tenancy.manage_partitions(
  p_parent regclass, p_method text, p_key text, p_every interval, p_ahead integer, p_retain interval,
  p_modulus integer, p_options text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  other text;
BEGIN
  IF p_every IS NOT NULL THEN
    PERFORM tenancy.period_start(p_every, now()::timestamp, 0);
  END IF;
  -- Whoever dropped a managed table left its row.
  DELETE FROM tenancy.partitioning p WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.parent);
  DELETE FROM tenancy.loose_partitions l WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = l.partition);
  SELECT format('%s by %s', p.method, p.key) INTO other FROM tenancy.partitioning p
   WHERE p.parent = p_parent
     AND (p.method, p.key, coalesce(p.modulus, 0)) IS DISTINCT FROM (p_method, p_key, coalesce(p_modulus, 0));
  IF other IS NOT NULL THEN
    RAISE EXCEPTION 'table % is partitioned otherwise (%)', p_parent, other
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'partitioning can''t be changed in place';
  END IF;
  INSERT INTO tenancy.partitioning (parent, method, key, every, ahead, retain, modulus, options)
  VALUES (p_parent, p_method, p_key, p_every, p_ahead, p_retain, p_modulus, p_options)
  ON CONFLICT (parent) DO UPDATE
     SET every = excluded.every, ahead = excluded.ahead, retain = excluded.retain, options = excluded.options;
  PERFORM tenancy.create_due(p_parent, now());
END
$body$;

-- Everything there is and everything due, for people: attached, default, due, and what is loose. `over` says that the
-- rows are older than is kept.
CREATE OR REPLACE FUNCTION tenancy.list_partitions(p_now timestamptz DEFAULT now())
RETURNS TABLE (parent text, partition text, state text, bounds text, rows bigint, bytes bigint, over boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $body$
DECLARE
  managed tenancy.partitioning;
BEGIN
  FOR managed IN
    SELECT p.* FROM tenancy.partitioning p JOIN pg_class c ON c.oid = p.parent ORDER BY p.parent::text
  LOOP
    RETURN QUERY
    SELECT managed.parent::text, p.partition::text, CASE WHEN p.is_default THEN 'default' ELSE 'attached' END,
           pg_get_expr(c.relpartbound, c.oid), c.reltuples::bigint, pg_total_relation_size(c.oid),
           coalesce(p.upper <= p_now::timestamp - managed.retain, false)
      FROM tenancy.partitions_of(managed.parent) p JOIN pg_class c ON c.oid = p.partition;
    IF managed.method = 'range' THEN
      RETURN QUERY
      SELECT managed.parent::text, NULL::text, 'due', format('FROM (%s) TO (%s)', d.lower, d.upper), NULL::bigint, NULL::bigint, false
        FROM tenancy.due_periods(managed.parent, p_now) d;
    END IF;
    RETURN QUERY
    SELECT managed.parent::text, l.partition::text, l.state, l.bounds, c.reltuples::bigint, pg_total_relation_size(c.oid), false
      FROM tenancy.loose_partitions l JOIN pg_class c ON c.oid = l.partition
     WHERE l.parent = managed.parent ORDER BY l.partition::text;
  END LOOP;
END
$body$;

-- Takes one partition out of its table. Not CONCURRENTLY: PostgreSQL refuses that where there is a default partition. The
-- lock on the parent is exclusive, but held only for this, and waited for only so long. The table keeps its floor, its
-- owner and that nobody was granted anything.
CREATE OR REPLACE FUNCTION tenancy.detach_partition(p_partition regclass, p_state text DEFAULT 'detached') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $body$
DECLARE
  held record;
BEGIN
  SELECT i.inhparent::regclass AS parent, pg_get_expr(c.relpartbound, c.oid) AS bounds
    INTO held FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    JOIN tenancy.partitioning p ON p.parent = i.inhparent
   WHERE i.inhrelid = p_partition;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% is no partition of a managed table', p_partition USING ERRCODE = 'wrong_object_type';
  END IF;
  PERFORM FROM tenancy.partitioning p WHERE p.parent = held.parent FOR UPDATE;
  IF held.bounds = 'DEFAULT' OR held.bounds LIKE 'FOR VALUES WITH (%' THEN
    RAISE EXCEPTION '% can''t be detached: its parent would have no place for rows', p_partition
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  INSERT INTO tenancy.loose_partitions (partition, parent, bounds, value, state)
  SELECT p_partition, held.parent, held.bounds, p.value, p_state
    FROM tenancy.partitions_of(held.parent) p WHERE p.partition = p_partition;
  EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', held.parent, p_partition);
  PERFORM tenancy.secure_partition(held.parent, p_partition, p_state || ' from');
END
$body$;

-- Detaches what is older than is kept. It drops nothing.
CREATE OR REPLACE FUNCTION tenancy.detach_partitions(
  p_parent regclass DEFAULT NULL, p_now timestamptz DEFAULT now(), p_lock_timeout text DEFAULT '2s')
RETURNS TABLE (parent text, partition text, outcome text, detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
  old record;
BEGIN
  PERFORM set_config('lock_timeout', p_lock_timeout, true);
  FOR old IN
    SELECT p.parent, l.partition FROM tenancy.partitioning p JOIN pg_class c ON c.oid = p.parent,
           tenancy.partitions_of(p.parent) l
     WHERE (p_parent IS NULL OR p.parent = p_parent)
       AND l.upper <= (p_now AT TIME ZONE 'UTC') - p.retain
     ORDER BY p.parent::text, l.lower
  LOOP
    BEGIN
      PERFORM tenancy.detach_partition(old.partition);
      RETURN QUERY SELECT old.parent::text, old.partition::text, 'detached', NULL::text;
    EXCEPTION WHEN lock_not_available OR deadlock_detected OR foreign_key_violation OR wrong_object_type THEN
      RETURN QUERY SELECT old.parent::text, old.partition::text, 'blocked', SQLERRM;
    END;
  END LOOP;
END
$body$;

-- Drops a partition that was detached. Nothing else ever does.
CREATE OR REPLACE FUNCTION tenancy.drop_detached(p_partition regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  DELETE FROM tenancy.loose_partitions l WHERE l.partition = p_partition AND l.state = 'detached';
  IF NOT FOUND THEN
    RAISE EXCEPTION '% is not a detached partition', p_partition USING ERRCODE = 'wrong_object_type';
  END IF;
  EXECUTE format('DROP TABLE %s', p_partition);
END
$body$;
