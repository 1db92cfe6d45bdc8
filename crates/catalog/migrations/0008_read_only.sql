-- Whether a login may only read: gateways run its transactions as each database's reader, which has no privilege to write. Changes are
-- logged by the trigger on the whole row.
ALTER TABLE tenantry.logins ADD COLUMN read_only boolean NOT NULL DEFAULT false;
