-- Runs under the migration lock. The check keeps a user without CREATE on the database out of the first statement.
DO $$
BEGIN
    IF to_regclass('tenantry.migrations') IS NULL THEN
        CREATE SCHEMA IF NOT EXISTS tenantry;
        CREATE TABLE tenantry.migrations (
            version integer PRIMARY KEY,
            name text NOT NULL,
            checksum text NOT NULL,
            build text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
    END IF;
END $$;
