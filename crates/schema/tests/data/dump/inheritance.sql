-- INHERITS: several parents and levels, merged columns, own defaults, what is passed on and what is not.
CREATE TABLE base (id bigint NOT NULL, name text DEFAULT 'base', note text, CONSTRAINT named CHECK (name <> ''),
    CONSTRAINT not_passed_on CHECK (id > 0) NO INHERIT);
CREATE TABLE other (id bigint, extra int DEFAULT 1 CONSTRAINT positive CHECK (extra > 0));
CREATE TABLE child (own int, PRIMARY KEY (id)) INHERITS (base);
CREATE TABLE "Second Child" (name text DEFAULT 'mine', note text NOT NULL, CONSTRAINT named CHECK (name <> ''), own text) INHERITS (base);
CREATE TABLE both_of (mine int) INHERITS (base, other);
CREATE TABLE grandchild (CONSTRAINT more CHECK (own > 5)) INHERITS (child);
ALTER TABLE child ALTER COLUMN name SET DEFAULT 'child';
ALTER TABLE both_of ALTER COLUMN name DROP DEFAULT, ALTER COLUMN note SET NOT NULL, ALTER COLUMN extra SET STATISTICS 12;
ALTER TABLE base ALTER COLUMN note SET STORAGE EXTERNAL;
ALTER TABLE ONLY base ALTER COLUMN name SET STATISTICS 33;
COMMENT ON COLUMN child.name IS 'inherited, but commented here';
COMMENT ON CONSTRAINT more ON grandchild IS 'more';
CREATE INDEX on_inherited ON grandchild (name);
ALTER TABLE base ADD CONSTRAINT unseen CHECK (name <> 'x') NOT VALID;
CREATE TABLE measured (a int, doubled int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE measured_child (b int) INHERITS (measured);
CREATE TABLE empty_child () INHERITS (measured_child);
CREATE TABLE identity_parent (id int GENERATED ALWAYS AS IDENTITY, x int);
CREATE TABLE identity_child (y int) INHERITS (identity_parent);
