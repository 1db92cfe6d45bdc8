-- Tables like another, of a type, and partitions that say more than their parent: what they are made after is written out.
-- declaration
-- plain
CREATE TYPE address AS (street text, zip varchar(10));
CREATE TABLE source (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer DEFAULT 1 CHECK (n > 0), label text COLLATE "C" UNIQUE, twice integer GENERATED ALWAYS AS (n * 2) STORED);
CREATE INDEX ON source (lower(label), n) WHERE n > 1;
COMMENT ON COLUMN source.label IS 'What it is called.';
CREATE TABLE events (id bigint, on_day date, n integer, PRIMARY KEY (id, on_day)) PARTITION BY RANGE (on_day);
-- migration
CREATE TABLE bare (LIKE source);
CREATE TABLE whole (LIKE source INCLUDING ALL, more integer UNIQUE);
CREATE TABLE partly (first integer, LIKE source INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS);
CREATE TABLE places OF address (PRIMARY KEY (street), zip WITH OPTIONS NOT NULL DEFAULT 'x');
CREATE TABLE events_25 PARTITION OF events (n DEFAULT 5 NOT NULL CHECK (n < 9), UNIQUE (on_day, n)) FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX ON whole (n);
ALTER TABLE bare ADD PRIMARY KEY (id);
ALTER TABLE whole DROP COLUMN more;
