WHERE g.id = ANY ($1::bigint[])
