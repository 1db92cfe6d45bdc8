-- Functions, procedures, aggregates, casts, operators and their classes.
CREATE TABLE rows_of (id int, name text);
CREATE FUNCTION everything(a int, INOUT b text DEFAULT 'it''s', VARIADIC rest int[] DEFAULT '{}') RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT LEAKPROOF SECURITY DEFINER PARALLEL SAFE COST 7 SET work_mem = '8MB' SET search_path = pg_catalog, "my Schema"
    AS $body$ BEGIN b := b || '$$'; RETURN; END $body$;
CREATE FUNCTION "Mixed Case"("Arg One" text, "select" int) RETURNS TABLE ("out 1" int, two text) LANGUAGE sql STABLE ROWS 5 COST 3
    AS 'SELECT "select", "Arg One"';
CREATE FUNCTION over(int) RETURNS int LANGUAGE sql RETURN $1;
CREATE FUNCTION over(text) RETURNS int LANGUAGE sql RETURN 1;
CREATE FUNCTION over(rows_of) RETURNS int LANGUAGE sql RETURN $1.id;
CREATE FUNCTION atomic(IN a int, b int DEFAULT over(3)) RETURNS SETOF rows_of LANGUAGE sql BEGIN ATOMIC
    INSERT INTO rows_of (id) VALUES (a);
    SELECT id, name FROM rows_of WHERE id = b;
END;
CREATE FUNCTION polymorphic(anyelement, anyarray, OUT x anyelement) LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION no_arguments() RETURNS void LANGUAGE sql AS '';
CREATE PROCEDURE act(INOUT x int, OUT y text) LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$ BEGIN y := 'z'; END $$;
CREATE FUNCTION internal_one(int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'int4um';
CREATE FUNCTION supported(int, int) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT SUPPORT array_unnest_support AS 'int4eq';
CREATE FUNCTION my_rank() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE AS 'window_rank';
COMMENT ON FUNCTION over(text) IS 'it''s overloaded';
COMMENT ON PROCEDURE act(int) IS 'a procedure';
CREATE FUNCTION step(numeric, int) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN coalesce($1, 0) + $2;
CREATE FUNCTION finish(numeric) RETURNS text LANGUAGE sql IMMUTABLE RETURN $1::text;
CREATE FUNCTION unstep(numeric, int) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN $1 - $2;
CREATE FUNCTION combine(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN $1 + $2;
CREATE AGGREGATE "Sum It"(int) (SFUNC = step, STYPE = numeric, FINALFUNC = finish, COMBINEFUNC = combine, INITCOND = '0', PARALLEL = SAFE, SSPACE = 64,
    MSFUNC = step, MINVFUNC = unstep, MSTYPE = numeric, MFINALFUNC = finish, MINITCOND = '0');
CREATE AGGREGATE star(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
CREATE AGGREGATE smallest(int) (SFUNC = int4smaller, STYPE = int, SORTOP = <);
CREATE AGGREGATE variadic_one(VARIADIC "any") (SFUNC = pg_catalog.ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA);
CREATE AGGREGATE median(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
    FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA, FINALFUNC_MODIFY = READ_WRITE);
CREATE AGGREGATE hypothetical_rank(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal,
    FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
COMMENT ON AGGREGATE "Sum It"(int) IS 'sums';
CREATE VIEW aggregated AS SELECT "Sum It"(id) AS s, star(*) AS n FROM rows_of;
-- A type with operators, ordered by a class of its own.
CREATE TYPE version AS (major int, minor int);
CREATE FUNCTION number(version) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN $1.major::bigint * 1000 + $1.minor;
CREATE FUNCTION v_lt(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN number($1) < number($2);
CREATE FUNCTION v_le(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN number($1) <= number($2);
CREATE FUNCTION v_eq(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN number($1) = number($2);
CREATE FUNCTION v_ge(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN number($1) >= number($2);
CREATE FUNCTION v_gt(version, version) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN number($1) > number($2);
CREATE FUNCTION v_cmp(version, version) RETURNS int LANGUAGE sql IMMUTABLE RETURN sign(number($1) - number($2))::int;
CREATE FUNCTION v_cmp_int(version, int) RETURNS int LANGUAGE sql IMMUTABLE RETURN sign($1.major - $2)::int;
CREATE FUNCTION v_eq_int(version, int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1.major = $2;
CREATE OPERATOR ~< (FUNCTION = v_lt, LEFTARG = version, RIGHTARG = version, COMMUTATOR = ~>, NEGATOR = ~>=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR ~<= (FUNCTION = v_le, LEFTARG = version, RIGHTARG = version, COMMUTATOR = ~>=, NEGATOR = ~>);
CREATE OPERATOR ~= (FUNCTION = v_eq, LEFTARG = version, RIGHTARG = version, COMMUTATOR = ~=, RESTRICT = eqsel, JOIN = eqjoinsel, MERGES, HASHES);
CREATE OPERATOR ~>= (FUNCTION = v_ge, LEFTARG = version, RIGHTARG = version, COMMUTATOR = ~<=, NEGATOR = ~<);
CREATE OPERATOR ~> (FUNCTION = v_gt, LEFTARG = version, RIGHTARG = version, COMMUTATOR = ~<, NEGATOR = ~<=);
CREATE OPERATOR ~= (FUNCTION = v_eq_int, LEFTARG = version, RIGHTARG = int);
CREATE OPERATOR !!! (FUNCTION = number, RIGHTARG = version);
COMMENT ON OPERATOR ~= (version, version) IS 'the same';
CREATE OPERATOR FAMILY versions USING btree;
CREATE OPERATOR CLASS version_ops FOR TYPE version USING btree FAMILY versions AS
    OPERATOR 1 ~<, OPERATOR 2 ~<=, OPERATOR 3 ~=, OPERATOR 4 ~>=, OPERATOR 5 ~>, FUNCTION 1 v_cmp(version, version);
ALTER OPERATOR FAMILY versions USING btree ADD OPERATOR 3 ~= (version, int), FUNCTION 1 (version, int) v_cmp_int(version, int);
CREATE FUNCTION v_hash(version) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1.major;
CREATE OPERATOR CLASS "Version Hash" DEFAULT FOR TYPE version USING hash AS OPERATOR 1 ~=, FUNCTION 1 v_hash(version);
COMMENT ON OPERATOR CLASS version_ops USING btree IS 'ordered';
COMMENT ON OPERATOR FAMILY versions USING btree IS 'family';
CREATE TABLE releases (v version, n int, EXCLUDE USING btree (v version_ops WITH ~=));
CREATE INDEX by_version ON releases (v version_ops DESC);
CREATE INDEX by_hash ON releases USING hash (v);
CREATE VIEW compared AS SELECT v ~< ROW(1, 2)::version AS older, !!! v AS as_number FROM releases ORDER BY v USING ~<;
CREATE FUNCTION to_version(text) RETURNS version LANGUAGE sql IMMUTABLE RETURN ROW(split_part($1, '.', 1)::int, split_part($1, '.', 2)::int)::version;
CREATE CAST (text AS version) WITH FUNCTION to_version(text) AS ASSIGNMENT;
CREATE CAST (version AS bigint) WITH FUNCTION number(version);
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE CAST (varchar AS colour) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (text AS version) IS 'parsed';
CREATE VIEW cast_away AS SELECT v::bigint AS n, 'red'::varchar::colour AS c FROM releases;
-- Text search.
CREATE TEXT SEARCH DICTIONARY "My Dict" (TEMPLATE = simple, STOPWORDS = english, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY stemmed (TEMPLATE = snowball, LANGUAGE = german);
CREATE TEXT SEARCH CONFIGURATION mine (COPY = english);
ALTER TEXT SEARCH CONFIGURATION mine ALTER MAPPING FOR asciiword, word WITH "My Dict", stemmed, english_stem;
ALTER TEXT SEARCH CONFIGURATION mine DROP MAPPING FOR url;
CREATE TEXT SEARCH CONFIGURATION none_yet (PARSER = "default");
COMMENT ON TEXT SEARCH CONFIGURATION mine IS 'ours';
COMMENT ON TEXT SEARCH DICTIONARY stemmed IS 'german';
CREATE TABLE searched (body text, words tsvector GENERATED ALWAYS AS (to_tsvector('mine', body)) STORED);
CREATE INDEX found ON searched USING gin (to_tsvector('mine', body));
CREATE CONVERSION conv FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
COMMENT ON CONVERSION conv IS 'converts';
