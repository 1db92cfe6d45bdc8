WHERE name = $1
