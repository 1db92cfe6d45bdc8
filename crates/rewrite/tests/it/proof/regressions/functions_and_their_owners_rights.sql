-- The reader may run functions with their caller's rights alone, also where they come to have others.
-- declaration
-- plain
CREATE TABLE t (id bigint PRIMARY KEY, n integer);
CREATE FUNCTION asks(bigint) RETURNS integer LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp RETURN 1;
CREATE FUNCTION acts() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp RETURN 1;
CREATE FUNCTION again() RETURNS integer LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp RETURN 1;
-- migration
ALTER FUNCTION asks(bigint) COST 7 SECURITY DEFINER;
ALTER FUNCTION acts SECURITY INVOKER;
CREATE OR REPLACE FUNCTION again() RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp RETURN 2;
CREATE FUNCTION more(integer) RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp RETURN 1;
CREATE PROCEDURE works() LANGUAGE sql AS 'SELECT 1';
