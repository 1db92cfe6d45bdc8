-- Which schemas the core knows, and whose they are.
SELECT n.nspname::text, coalesce(g.model, CASE WHEN n.nspname ~ '^t_[0-9]+$' THEN 'schema' ELSE 'shared' END), g.value
  FROM pg_namespace n
  LEFT JOIN LATERAL (
    SELECT g.placement->>'model' AS model,
           CASE WHEN g.placement->>'model' = 'schema' THEN g.value END AS value
      FROM tenancy.gate g WHERE g.placement->>'schema' = n.nspname
     ORDER BY g.placement->>'model' LIMIT 1) g ON true
 WHERE EXISTS (SELECT FROM tenancy.schema_version v WHERE v.schema = n.nspname)
 ORDER BY 1
