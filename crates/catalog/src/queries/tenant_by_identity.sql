WHERE t.id = ANY ($1) OR t.uuid = ANY ($2)
ORDER BY t.id
