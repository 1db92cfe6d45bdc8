-- Row-level security policies. No role means PUBLIC.
SELECT coalesce(json_agg(json_build_object(
    'table', r.relname,
    'name', p.polname,
    'comment', obj_description(p.oid, 'pg_policy'),
    'permissive', p.polpermissive,
    'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                             WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    'roles', coalesce((
        SELECT json_agg(a.rolname ORDER BY a.rolname COLLATE "C")
        FROM pg_catalog.pg_roles a WHERE a.oid = ANY (p.polroles)), '[]'),
    'using', pg_get_expr(p.polqual, p.polrelid),
    'check', pg_get_expr(p.polwithcheck, p.polrelid)
)), '[]')::text
FROM pg_catalog.pg_policy p
JOIN pg_catalog.pg_class r ON r.oid = p.polrelid
WHERE r.relnamespace = current_schema()::regnamespace AND r.relkind IN ('r', 'p') AND r.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')
