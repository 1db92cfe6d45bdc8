-- A view that says `security_invoker = false`, which is what a view is that says nothing, was refused where compiling takes it.
-- declaration
-- plain
CREATE TABLE t (id bigint PRIMARY KEY, n integer);
CREATE VIEW before WITH (security_invoker = false) AS SELECT id FROM t;
-- migration
CREATE VIEW off WITH (security_invoker = false) AS SELECT id FROM t;
CREATE VIEW off_too WITH (security_barrier, security_invoker = off) AS SELECT n FROM t;
CREATE OR REPLACE VIEW zero WITH (security_invoker = 0, check_option = local) AS SELECT id, n FROM t;
CREATE VIEW bare WITH (security_invoker) AS SELECT n FROM t;
CREATE VIEW shown AS SELECT n FROM t;
ALTER VIEW shown SET (security_invoker = false);
ALTER VIEW before SET (security_invoker = off, security_barrier = true);
ALTER VIEW before RESET (security_barrier, security_invoker);
ALTER VIEW shown RESET (security_invoker);
ALTER VIEW bare SET (security_barrier = true);
