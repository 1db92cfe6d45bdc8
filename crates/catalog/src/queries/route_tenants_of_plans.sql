WHERE t.plan = ANY ($3::bigint[]) AND t.id > $1 ORDER BY t.id LIMIT $2
