UPDATE tenantry.logins SET admin = $2 WHERE id = $1
