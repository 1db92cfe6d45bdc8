WHERE ($1::integer IS NULL OR d.cluster = $1) ORDER BY c.name, d.name
