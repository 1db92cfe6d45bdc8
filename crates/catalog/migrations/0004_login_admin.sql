-- Whether a login may use the gateways' console. Changes are logged by the trigger on the whole row.
ALTER TABLE tenantry.logins ADD COLUMN admin boolean NOT NULL DEFAULT false;
