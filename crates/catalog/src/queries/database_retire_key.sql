UPDATE tenantry.databases SET previous_key_id = NULL WHERE id = $1
