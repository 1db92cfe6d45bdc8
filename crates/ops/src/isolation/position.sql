-- Where this server is in the write-ahead log, for gateways that choose between a primary and its replicas. It shows how much
-- everybody writes, so only a gateway is told: the signature is that of an entry into tenant 0, which there is not.
--
-- Returns '<next nonce> <t: recovering, f: primary> <timeline of a primary> <position as a number>', NULL without a right to ask.
-- A replica whose position is not before a primary's, asked for earlier, has replayed all that was committed by then.
CREATE OR REPLACE FUNCTION tenancy.server_position() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  lsn pg_lsn;
  page numeric := current_setting('wal_block_size')::numeric;
  place numeric;
BEGIN
  IF pg_is_in_recovery() THEN
    RETURN 't 0 ' || coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0);
  END IF;
  -- Where the next record begins. Not what was flushed: a commit with synchronous_commit = off is seen before it is.
  lsn := pg_current_wal_insert_lsn();
  place := lsn - '0/0'::pg_lsn;
  -- At the start of a page this is behind the page's header (24 bytes, 40 in a segment's first page), and a replica that
  -- has everything is before it. No record ends there: what is continued on a page has at least 8 bytes on it.
  IF place % page = 24 THEN
    place := place - 24;
  ELSIF place % pg_size_bytes(current_setting('wal_segment_size')) = 40 THEN
    place := place - 40;
  END IF;
  RETURN 'f ' || ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::integer || ' ' || place;
END
$body$;

CREATE OR REPLACE FUNCTION tenancy.wal_position(p_key integer, p_mac text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  by_carrier boolean := (SELECT c.context = 'carrier' FROM tenancy.core c);
  nonce text;
  expected text;
BEGIN
  IF by_carrier THEN
    nonce := CASE WHEN left(current_setting('backtrace_functions'), 2) = 'n_'
                  THEN substr(current_setting('backtrace_functions'), 3) END;
  ELSE
    nonce := tenancy.session_nonce();
  END IF;
  SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to('0|0|' || nonce, 'UTF8'))), 'hex')
    INTO expected FROM tenancy.keys k WHERE k.id = p_key;
  IF expected IS NULL OR p_mac IS NULL OR p_mac <> expected THEN
    RETURN NULL;
  END IF;
  IF by_carrier THEN
    nonce := replace(gen_random_uuid()::text, '-', '');
    PERFORM set_config('backtrace_functions', 'n_' || nonce, false);
  END IF;
  RETURN nonce || ' ' || tenancy.server_position();
END
$body$;
