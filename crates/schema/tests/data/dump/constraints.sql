-- Constraints of every kind with every option, foreign keys in circles.
CREATE EXTENSION btree_gist;
CREATE TABLE nodes (
    id bigint CONSTRAINT "the pk" PRIMARY KEY, a int, b int, c text, d text, "Weird ""Name""" int,
    CONSTRAINT nulls_too UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (c),
    CONSTRAINT covering UNIQUE (c) INCLUDE (a, d) WITH (fillfactor = 70),
    CONSTRAINT later UNIQUE (d) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT maybe_later UNIQUE (d, a) DEFERRABLE,
    UNIQUE (a, b), UNIQUE (b, a),
    CONSTRAINT one CHECK (a > 0 AND (b IS NULL OR b <> 5)), CONSTRAINT alone CHECK (a <> 7) NO INHERIT,
    CHECK ("Weird ""Name""" BETWEEN 1 AND 5), CHECK (c ~ '^[a-z''\\]+$' OR c LIKE '%\_x')
);
ALTER TABLE nodes ADD CONSTRAINT unseen CHECK (b < 1000) NOT VALID;
ALTER TABLE nodes ADD CONSTRAINT unseen_alone CHECK (b < 2000) NO INHERIT NOT VALID;
COMMENT ON CONSTRAINT "the pk" ON nodes IS 'the ''key''';
COMMENT ON CONSTRAINT unseen ON nodes IS 'not yet';
COMMENT ON INDEX covering IS 'the index behind it';
ALTER TABLE nodes CLUSTER ON covering;
CREATE TABLE leaves (
    id bigint PRIMARY KEY DEFERRABLE,
    node bigint REFERENCES nodes ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
    a int DEFAULT 1, b int, c text REFERENCES nodes (c) MATCH FULL DEFERRABLE,
    CONSTRAINT full_one FOREIGN KEY (a, b) REFERENCES nodes (a, b) MATCH FULL ON DELETE SET DEFAULT,
    CONSTRAINT turned FOREIGN KEY (b, a) REFERENCES nodes (b, a) ON UPDATE RESTRICT ON DELETE RESTRICT,
    CONSTRAINT half FOREIGN KEY (a, b) REFERENCES nodes (a, b) ON DELETE SET NULL (b),
    CONSTRAINT half_default FOREIGN KEY (a, b) REFERENCES nodes (a, b) ON DELETE SET DEFAULT (a),
    CONSTRAINT nulls FOREIGN KEY (a, b) REFERENCES nodes (a, b) ON UPDATE SET NULL ON DELETE CASCADE
);
ALTER TABLE leaves ADD CONSTRAINT unchecked FOREIGN KEY (node) REFERENCES nodes NOT VALID;
COMMENT ON CONSTRAINT unchecked ON leaves IS 'foreign';
-- Circles: between two tables, and to itself.
CREATE TABLE chicken (id bigint PRIMARY KEY, egg bigint NOT NULL, mother bigint REFERENCES chicken);
CREATE TABLE egg (id bigint PRIMARY KEY, chicken bigint NOT NULL REFERENCES chicken DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE chicken ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE;
CREATE UNIQUE INDEX to_index ON egg (chicken);
CREATE TABLE on_index (chicken bigint REFERENCES egg (chicken));
CREATE TABLE identified (id bigint PRIMARY KEY, other int NOT NULL);
ALTER TABLE identified REPLICA IDENTITY USING INDEX identified_pkey;
CREATE TABLE identified_too (id bigint PRIMARY KEY, other int NOT NULL, CONSTRAINT by_this UNIQUE (other));
ALTER TABLE identified_too REPLICA IDENTITY USING INDEX by_this;
CREATE TABLE identified_so (id bigint PRIMARY KEY, other int NOT NULL);
CREATE UNIQUE INDEX so ON identified_so (other);
ALTER TABLE identified_so REPLICA IDENTITY USING INDEX so;
ALTER TABLE identified_so CLUSTER ON so;
CREATE TABLE bookings (
    room int, during tstzrange, cancelled boolean, name text, place box,
    CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (NOT cancelled AND room > 0),
    CONSTRAINT deferred EXCLUDE USING gist (room WITH <>, during range_ops WITH -|-) INCLUDE (name)
        WITH (fillfactor = 80) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT expressions EXCLUDE USING btree (lower(name) COLLATE "C" WITH =, (room + 1) WITH =),
    CONSTRAINT hashed EXCLUDE USING hash (name WITH =),
    CONSTRAINT boxes EXCLUDE USING spgist (place WITH &&)
);
COMMENT ON CONSTRAINT no_overlap ON bookings IS 'one at a time';
ALTER INDEX expressions ALTER COLUMN 1 SET STATISTICS 77;
CREATE TABLE added (id bigint NOT NULL, code text);
CREATE UNIQUE INDEX from_index ON added (id) INCLUDE (code) WITH (fillfactor = 50);
ALTER TABLE added ADD CONSTRAINT from_index PRIMARY KEY USING INDEX from_index;
-- Keys over the same columns: each has an index of its own, but only if it has a statement of its own.
CREATE TABLE often (id bigint PRIMARY KEY, a int UNIQUE, EXCLUDE USING btree (a WITH =));
ALTER TABLE often ADD UNIQUE (a), ADD CONSTRAINT roomy UNIQUE (a) WITH (fillfactor = 60), ADD UNIQUE (id);
ALTER TABLE often ADD EXCLUDE USING btree (a WITH =);
COMMENT ON CONSTRAINT roomy ON often IS 'the third';
