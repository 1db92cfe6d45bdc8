WHERE g.id > $1::bigint ORDER BY g.id LIMIT $2
