-- What the rules add over a column goes with the column, and was dropped once more.
-- declaration
[tenancy]
keys = "global-id"
-- plain
CREATE TABLE parent (id bigint PRIMARY KEY, a integer, b integer, twice integer GENERATED ALWAYS AS (a * 2) STORED, UNIQUE (a, b));
CREATE TABLE child (id bigint PRIMARY KEY, parent bigint CONSTRAINT fk REFERENCES parent, a integer, b integer, CONSTRAINT pair FOREIGN KEY (a, b) REFERENCES parent (a, b) MATCH FULL);
CREATE TABLE again (id bigint PRIMARY KEY, parent bigint CONSTRAINT fk REFERENCES parent);
CREATE TABLE keyed (id bigint PRIMARY KEY, code text UNIQUE);
CREATE TABLE keyed_by (id bigint REFERENCES keyed, code text REFERENCES keyed (code));
CREATE TABLE self (id bigint PRIMARY KEY, up bigint REFERENCES self);
-- migration
ALTER TABLE child DROP COLUMN a CASCADE;
ALTER TABLE parent DROP COLUMN id CASCADE;
ALTER TABLE self DROP COLUMN id CASCADE;
ALTER TABLE child DROP COLUMN id, ADD COLUMN nr bigint UNIQUE;
ALTER TABLE parent DROP COLUMN a CASCADE;
ALTER TABLE keyed DROP CONSTRAINT keyed_pkey CASCADE;
ALTER TABLE keyed DROP CONSTRAINT keyed_code_key CASCADE;
