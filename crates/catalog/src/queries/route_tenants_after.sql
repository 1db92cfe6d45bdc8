WHERE t.id > $1 ORDER BY t.id LIMIT $2
