WHERE t.key = $1
