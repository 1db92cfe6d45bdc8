WHERE d.id > $1::bigint ORDER BY d.id LIMIT $2
