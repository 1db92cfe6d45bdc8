WHERE g.name = $1
