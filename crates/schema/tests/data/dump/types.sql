-- Types: enums, domains over domains, composites in composites, arrays of them, ranges, and tables OF a type.
CREATE TYPE mood AS ENUM ('it''s', 'back\slash', 'fine', '☃');
ALTER TYPE mood ADD VALUE 'between' BEFORE 'fine';
COMMENT ON TYPE mood IS 'a ''mood''';
CREATE TYPE "Empty" AS ENUM ();
CREATE FUNCTION is_even(int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 % 2 = 0;
CREATE DOMAIN even AS int DEFAULT 2 CONSTRAINT "is it?" CHECK (is_even(VALUE)) CHECK (VALUE > 0) NOT NULL;
CREATE DOMAIN "Small Even" AS even CONSTRAINT small CHECK (VALUE < 100);
ALTER DOMAIN "Small Even" ADD CONSTRAINT unseen CHECK (VALUE <> 13) NOT VALID;
COMMENT ON DOMAIN even IS 'two, four';
COMMENT ON CONSTRAINT "is it?" ON DOMAIN even IS 'asks';
CREATE DOMAIN words AS text[] COLLATE "C" CHECK (cardinality(VALUE) < 10);
CREATE DOMAIN amount AS numeric(10, 2) DEFAULT 0.00;
CREATE TYPE pair AS (a int, dropped int, b text COLLATE "C", "Third One" mood[]);
ALTER TYPE pair DROP ATTRIBUTE dropped;
COMMENT ON COLUMN pair.b IS 'an attribute';
COMMENT ON TYPE pair IS 'two';
CREATE TYPE nested AS (inner_one pair, many pair[], small "Small Even");
CREATE TYPE nobody AS ();
CREATE FUNCTION minus(timestamptz, timestamptz) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN extract(epoch FROM $1 - $2);
CREATE TYPE span AS RANGE (subtype = timestamptz, subtype_diff = minus, multirange_type_name = spans);
CREATE TYPE textual AS RANGE (subtype = text, subtype_opclass = text_pattern_ops, collation = "C");
COMMENT ON TYPE span IS 'from, to';
COMMENT ON TYPE spans IS 'several';
CREATE DOMAIN short_span AS span CHECK (upper(VALUE) - lower(VALUE) < '1 day');
CREATE TABLE uses (
    m mood DEFAULT 'fine', ms mood[], e even, s "Small Even" DEFAULT 4, w words, p pair DEFAULT ROW(1, 'x', '{fine}')::pair,
    ps pair[] NOT NULL, n nested, at span DEFAULT span(NULL, NULL), ats spans, shorts short_span[], t textual,
    CHECK ((p).a > 0), CHECK (m <> 'it''s')
);
CREATE TABLE row_type (u uses, us uses[]);
-- A domain whose check needs the domain.
CREATE DOMAIN loop_domain AS text;
CREATE FUNCTION is_fine(loop_domain) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
ALTER DOMAIN loop_domain ADD CONSTRAINT checks_itself CHECK (is_fine(VALUE));
ALTER DOMAIN loop_domain SET DEFAULT 'x';
CREATE TYPE person AS (name text, born date, "Score" int, note text);
CREATE TABLE people OF person (name WITH OPTIONS NOT NULL PRIMARY KEY, "Score" WITH OPTIONS DEFAULT 5 CHECK ("Score" > 0));
CREATE TABLE bare_people OF person;
COMMENT ON COLUMN people.born IS 'when';
