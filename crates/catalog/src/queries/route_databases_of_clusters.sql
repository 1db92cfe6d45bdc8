WHERE d.cluster = ANY ($3::bigint[]) AND d.id > $1::bigint ORDER BY d.id LIMIT $2
