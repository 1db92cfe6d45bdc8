UPDATE tenantry.logins SET valid_until = $2::text::timestamptz WHERE id = $1
