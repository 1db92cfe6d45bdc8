-- Partitions: several levels, other column orders, own defaults, own constraints, own indexes, default partitions.
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT now(), region text COLLATE "C" NOT NULL DEFAULT 'eu',
    payload jsonb, dropped int, size int DEFAULT 1, twice int GENERATED ALWAYS AS (size * 2) STORED,
    CONSTRAINT "events pk" PRIMARY KEY (id, at, region), CONSTRAINT sized CHECK (size > 0),
    CONSTRAINT unique_too UNIQUE (at, id, region, size)
) PARTITION BY RANGE (at);
ALTER TABLE events DROP COLUMN dropped;
CREATE INDEX by_payload ON events USING gin (payload);
CREATE INDEX by_region ON events (region, lower(region)) WHERE size > 5;
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2027-01-01 00:00+00');
CREATE TABLE events_2027 PARTITION OF events (size DEFAULT 27, CONSTRAINT only_here CHECK (region <> 'us'))
    FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2028-01-01 00:00+00') PARTITION BY LIST (region);
CREATE TABLE "Events 2027 EU" PARTITION OF events_2027 (payload DEFAULT '{}') FOR VALUES IN ('eu', 'it''s');
CREATE TABLE events_2027_null PARTITION OF events_2027 DEFAULT PARTITION BY HASH (id);
CREATE TABLE events_2027_h0 PARTITION OF events_2027_null FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE events_2027_h1 PARTITION OF events_2027_null FOR VALUES WITH (modulus 2, remainder 1) WITH (fillfactor = 50);
-- Attached, with its columns in another order and something of its own.
CREATE TABLE attached (
    twice int GENERATED ALWAYS AS (size * 2) STORED, size int DEFAULT 99, gone text, payload jsonb NOT NULL, region text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL, id bigint NOT NULL,
    CONSTRAINT sized CHECK (size > 0), CONSTRAINT own_check CHECK (payload <> '{}'),
    CONSTRAINT "its own pk" PRIMARY KEY (id, at, region)
);
ALTER TABLE attached DROP COLUMN gone;
CREATE INDEX "its own index" ON attached USING gin (payload);
CREATE INDEX extra ON attached (size);
CREATE UNIQUE INDEX extra_unique ON attached (id);
ALTER TABLE events ATTACH PARTITION attached FOR VALUES FROM ('2028-01-01 00:00+00') TO ('2029-01-01 00:00+00');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
COMMENT ON TABLE events_rest IS 'the ''rest''';
COMMENT ON INDEX "its own index" IS 'own';
COMMENT ON COLUMN attached.size IS 'size of it';
ALTER TABLE events_rest ALTER COLUMN region SET DEFAULT 'rest', ALTER COLUMN payload SET STORAGE EXTERNAL, ALTER COLUMN size SET STATISTICS 7;
ALTER TABLE events_rest ADD CONSTRAINT "own unique" UNIQUE (id);
ALTER TABLE events ADD CONSTRAINT unseen CHECK (size < 1000) NOT VALID;
ALTER TABLE events_rest ADD CONSTRAINT unseen_here CHECK (size < 500) NOT VALID;
CREATE TRIGGER noted BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER always_noted AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER just_here BEFORE UPDATE ON events_rest FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE events_2026 DISABLE TRIGGER noted;
ALTER TABLE events ENABLE ALWAYS TRIGGER always_noted;
ALTER TABLE events_rest ENABLE TRIGGER always_noted;
CREATE POLICY seen ON events_2026 FOR SELECT USING (region = 'eu');
ALTER TABLE events_2026 ENABLE ROW LEVEL SECURITY;
-- References from, to and between partitioned tables.
CREATE TABLE things (id bigint, kind text, parent bigint, parent_kind text, PRIMARY KEY (kind, id),
    FOREIGN KEY (parent_kind, parent) REFERENCES things ON DELETE CASCADE) PARTITION BY LIST (kind);
CREATE TABLE things_a PARTITION OF things FOR VALUES IN ('a');
CREATE TABLE things_b PARTITION OF things FOR VALUES IN ('b', NULL);
CREATE TABLE refers (kind text, id bigint, FOREIGN KEY (kind, id) REFERENCES things ON DELETE SET NULL (id));
ALTER TABLE things_a ADD CONSTRAINT only_a FOREIGN KEY (id) REFERENCES events_rest (id);
-- Keys of partitioning: expressions, operator classes, collations, several columns.
CREATE FUNCTION bucket(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 / 10;
CREATE TABLE keyed (a int, b text, c date) PARTITION BY RANGE (bucket(a), b COLLATE "C" text_pattern_ops, (c + 1));
CREATE TABLE keyed_1 PARTITION OF keyed FOR VALUES FROM (MINVALUE, MINVALUE, MINVALUE) TO (5, 'x', '2026-01-01');
CREATE TABLE keyed_2 PARTITION OF keyed FOR VALUES FROM (5, 'x', '2026-01-01') TO (MAXVALUE, MAXVALUE, MAXVALUE);
CREATE TABLE lonely (a int) PARTITION BY HASH (a);
-- An index that not every partition has.
CREATE TABLE half_done (a int, b int) PARTITION BY LIST (a);
CREATE TABLE half_1 PARTITION OF half_done FOR VALUES IN (1);
CREATE TABLE half_2 PARTITION OF half_done FOR VALUES IN (2);
CREATE INDEX unfinished ON ONLY half_done (b);
CREATE INDEX half_1_b ON half_1 (b);
ALTER INDEX unfinished ATTACH PARTITION half_1_b;
COMMENT ON INDEX unfinished IS 'to do';
