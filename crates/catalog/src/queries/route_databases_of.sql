WHERE d.id = ANY ($1::bigint[])
