WHERE d.cluster = $1 AND d.name = $2
