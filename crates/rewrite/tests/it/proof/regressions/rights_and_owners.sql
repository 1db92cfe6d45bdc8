-- Roles of the plain schema stand for those of a placement; what they get is what the placement has already.
-- declaration
-- plain
CREATE TABLE t (id bigint PRIMARY KEY, n integer);
CREATE TABLE child (id bigint PRIMARY KEY, t bigint);
-- migration
GRANT SELECT, INSERT ON t TO tenantry_app_proof;
GRANT ALL ON child TO tenantry_app_proof;
REVOKE ALL ON t FROM PUBLIC;
ALTER TABLE t OWNER TO tenantry_owner;
ALTER TABLE child ADD CONSTRAINT k FOREIGN KEY (t) REFERENCES t NOT VALID;
ALTER TABLE child VALIDATE CONSTRAINT k;
CREATE VIEW shown AS SELECT * FROM t;
CREATE VIEW again AS SELECT * FROM shown JOIN child USING (id);
