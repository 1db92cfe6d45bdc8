-- What ALTER plans have to cope with: partitions by range with a default, a partition of a partition, references to and from
-- partitioned tables, MATCH FULL, exclusion, deferrable keys, INCLUDE, a replica identity, views, policies, comments. With rows.
CREATE EXTENSION btree_gist;
CREATE TYPE mood AS ENUM ('sad', 'ok');

CREATE TABLE projects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL,
    parent bigint REFERENCES projects ON DELETE SET NULL,
    mood mood NOT NULL DEFAULT 'ok',
    CONSTRAINT projects_slug_key UNIQUE (slug) INCLUDE (parent),
    CHECK (slug <> '')
);
COMMENT ON TABLE projects IS 'what people work on';
COMMENT ON CONSTRAINT projects_slug_key ON projects IS 'slugs are names';

CREATE TABLE positions (
    project bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
    place int NOT NULL,
    label text,
    CONSTRAINT positions_place UNIQUE (project, place) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT positions_label UNIQUE NULLS NOT DISTINCT (label)
);
CREATE UNIQUE INDEX positions_identity ON positions (project, place);
ALTER TABLE positions REPLICA IDENTITY USING INDEX positions_identity;
CREATE INDEX positions_lower ON positions (lower(label)) WHERE label IS NOT NULL;
COMMENT ON INDEX positions_lower IS 'people search without case';

CREATE TABLE bookings (
    id bigint PRIMARY KEY,
    room int NOT NULL,
    during tsrange NOT NULL,
    EXCLUDE USING gist (room WITH =, during WITH &&)
);

CREATE TABLE events (
    id bigint NOT NULL,
    at date NOT NULL,
    project bigint REFERENCES projects ON DELETE CASCADE,
    note text,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
    PARTITION BY HASH (id);
CREATE TABLE events_2026_one PARTITION OF events_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE events_2026_rest PARTITION OF events_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX events_note ON events (note);
CREATE INDEX events_2025_only ON events_2025 (note, id);

CREATE TABLE attachments (
    id bigint PRIMARY KEY,
    event bigint,
    at date,
    name text NOT NULL,
    FOREIGN KEY (event, at) REFERENCES events (id, at) MATCH FULL ON DELETE SET NULL
);

CREATE VIEW project_names AS SELECT id, slug FROM projects;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER stamp BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION stamp();

INSERT INTO projects (slug, parent) SELECT 'p' || n, nullif(n - 1, 0) FROM generate_series(1, 20) n;
INSERT INTO positions SELECT n, 1, 'L' || n FROM generate_series(1, 20) n;
INSERT INTO bookings SELECT n, n, tsrange('2026-01-01', '2026-01-02') FROM generate_series(1, 20) n;
INSERT INTO events SELECT n, date '2025-06-01' + n * 30, n, 'note ' || n FROM generate_series(1, 20) n;
INSERT INTO events VALUES (1, '2024-01-01', 1, 'early'), (2, '2026-02-01', 1, 'one');
INSERT INTO attachments SELECT id, id, at, 'file' FROM events WHERE at > '2025-01-01' AND at < '2026-01-01';
