ORDER BY name
