ORDER BY g.name
