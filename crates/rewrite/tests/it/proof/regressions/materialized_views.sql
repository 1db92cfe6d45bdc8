-- Where tenants share a database they are tables; making, indexing and dropping them was refused, or said of what was not there.
-- declaration
[tables]
countries = "global"
-- plain
CREATE TABLE countries (code text PRIMARY KEY, name text);
CREATE TABLE orders (id bigint PRIMARY KEY, day date, amount numeric(10,2), country text REFERENCES countries);
CREATE MATERIALIZED VIEW before AS SELECT day, count(*) AS n FROM orders GROUP BY day;
CREATE MATERIALIZED VIEW codes AS SELECT code FROM countries;
CREATE INDEX before_n ON before (n);
-- migration
CREATE MATERIALIZED VIEW sales AS SELECT day, sum(amount) AS amount, max(country) AS country FROM orders GROUP BY day;
CREATE UNIQUE INDEX ON sales (day);
CREATE INDEX sales_amount ON sales (amount DESC, lower(country)) WHERE amount > 0;
CREATE MATERIALIZED VIEW "Per key" (k, total) WITH (fillfactor = 70) AS SELECT id, sum(amount) FROM orders GROUP BY id WITH NO DATA;
CREATE MATERIALIZED VIEW everybodys AS SELECT code, upper(name) AS name FROM countries;
CREATE UNIQUE INDEX ON everybodys (code);
REFRESH MATERIALIZED VIEW sales;
REFRESH MATERIALIZED VIEW everybodys;
CREATE UNIQUE INDEX ON before (day);
DROP INDEX before_n;
CREATE VIEW of_sales AS SELECT day, amount FROM sales WHERE amount > 0;
DROP MATERIALIZED VIEW before;
DROP MATERIALIZED VIEW codes;
CREATE MATERIALIZED VIEW before AS SELECT country, count(*) AS n FROM orders GROUP BY country;
DROP MATERIALIZED VIEW before;
COMMENT ON MATERIALIZED VIEW sales IS 'Per day.';
COMMENT ON MATERIALIZED VIEW everybodys IS 'Of all.';
