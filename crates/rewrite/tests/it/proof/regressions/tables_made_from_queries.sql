-- `CREATE TABLE … AS` was refused: the types of its columns are the server's to say, and nobody else needs them.
-- declaration
[tables]
countries = "global"
places = "global"
-- plain
CREATE TABLE countries (code text PRIMARY KEY, name varchar(40));
CREATE TABLE users (id bigint PRIMARY KEY, email text COLLATE "C" UNIQUE, total numeric(10,2), mood text DEFAULT 'x' NOT NULL);
CREATE VIEW shown AS SELECT id, email FROM users;
INSERT INTO countries VALUES ('de', 'Deutschland');
-- migration
CREATE TABLE copy AS SELECT * FROM users WHERE total > 0;
ALTER TABLE copy ADD PRIMARY KEY (id);
CREATE INDEX ON copy (lower(email));
CREATE UNLOGGED TABLE totals (k, "How many") WITH (fillfactor = 70) AS WITH x AS (SELECT id, total FROM users) SELECT id, count(*) FROM x GROUP BY id ORDER BY 1 WITH NO DATA;
CREATE TABLE IF NOT EXISTS grouped AS SELECT id, email, count(*) FROM users GROUP BY id;
CREATE TABLE from_view AS TABLE shown;
CREATE TABLE places AS SELECT code, upper(name) AS name FROM countries;
CREATE TABLE numbers (n, word) AS VALUES (1, 'one'), (2, 'two');
ALTER TABLE grouped ADD CONSTRAINT of_user FOREIGN KEY (id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE numbers DROP COLUMN word;
