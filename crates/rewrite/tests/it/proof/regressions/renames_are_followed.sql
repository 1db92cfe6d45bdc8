-- What the rules name after a table or a column kept the old name.
-- declaration
[tenancy]
keys = "global-id"
-- plain
CREATE TABLE parent (id bigint PRIMARY KEY, a integer, b integer, UNIQUE (a, b));
CREATE TABLE child (id bigint PRIMARY KEY, a integer, b integer, CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES parent (a, b) MATCH FULL);
-- migration
ALTER TABLE parent RENAME COLUMN id TO nr;
ALTER TABLE parent RENAME TO elder;
ALTER TABLE child RENAME CONSTRAINT fk TO of_elder;
