-- Back to where every play begins.
ALTER ROLE {role} RESET ALL;
ALTER ROLE {role} PASSWORD '{password}';
ALTER DEFAULT PRIVILEGES FOR ROLE {role} REVOKE ALL ON TABLES FROM PUBLIC;
REVOKE {role} FROM pg_monitor;
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO {role};
SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
TRUNCATE notes;
INSERT INTO notes (tenant_id, id, slug, body)
VALUES (1, 1000, 'same', 'secret of one'), (2, 1000, 'same', 'secret of two'), (2, 1001, 'theirs', 'secret of two');
