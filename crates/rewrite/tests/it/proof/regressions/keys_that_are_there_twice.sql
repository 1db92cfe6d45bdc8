-- PostgreSQL makes one index of constraints that ask for the same one, but only within one CREATE TABLE: those that came later were lost
-- when compiled, and those of one statement stayed apart when rewritten.
-- declaration
[tenancy]
keys = "global-id"
-- plain
CREATE TABLE t (id bigint PRIMARY KEY, a integer, b integer, UNIQUE (a), EXCLUDE USING btree (b WITH =));
ALTER TABLE t ADD UNIQUE (a);
ALTER TABLE t ADD CONSTRAINT third UNIQUE (a) WITH (fillfactor = 70);
ALTER TABLE t ADD UNIQUE (id);
ALTER TABLE t ADD EXCLUDE USING btree (b WITH =);
CREATE TABLE p (id bigint, d date, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
CREATE TABLE p_26 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE p ADD UNIQUE (id, d);
-- migration
ALTER TABLE t ADD UNIQUE (a);
ALTER TABLE t DROP CONSTRAINT third;
CREATE TABLE one (id bigint PRIMARY KEY, UNIQUE (id), a integer UNIQUE, CONSTRAINT named UNIQUE (a), UNIQUE (a) DEFERRABLE, b integer CONSTRAINT first UNIQUE, UNIQUE (b), UNIQUE (b) INCLUDE (a));
CREATE TABLE two (id bigint, CONSTRAINT its_key UNIQUE (id), PRIMARY KEY (id), t bigint REFERENCES one);
ALTER TABLE one ADD UNIQUE (a);
CREATE TABLE p_27 PARTITION OF p FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE TABLE like_t (LIKE t INCLUDING ALL);
