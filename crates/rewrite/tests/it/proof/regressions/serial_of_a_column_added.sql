-- The sequence of a serial column that a migration adds was not granted to the application's role.
-- declaration
-- plain
CREATE TABLE t (id bigint PRIMARY KEY);
-- migration
ALTER TABLE t ADD COLUMN nr serial;
