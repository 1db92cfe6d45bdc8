-- How long a client of a login keeps a server connection. Changes are logged by the trigger on the whole row.
ALTER TABLE tenantry.logins
    ADD COLUMN pool_mode text NOT NULL DEFAULT 'transaction' CHECK (pool_mode IN ('transaction', 'session', 'either'));
