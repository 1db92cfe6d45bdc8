UPDATE tenantry.databases SET key_id = key_id + 1, previous_key_id = key_id
WHERE id = $1 AND key_id = $2 AND previous_key_id IS NULL
RETURNING key_id
