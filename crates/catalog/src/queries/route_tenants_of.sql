WHERE t.id = ANY ($1)
