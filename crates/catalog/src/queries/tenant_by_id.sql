WHERE t.id = $1
