-- With the last one goes the table that says when they were refreshed.
-- declaration
-- plain
CREATE TABLE t (id bigint PRIMARY KEY, a integer);
CREATE MATERIALIZED VIEW m AS SELECT a FROM t;
-- migration
DROP MATERIALIZED VIEW m CASCADE;
