-- Extensions, and which objects of the schema name something of theirs (a type, a function, an operator class).
SELECT coalesce(json_agg(json_build_object(
    'name', x.extname,
    'schema', CASE WHEN x.extnamespace <> current_schema()::regnamespace THEN n.nspname END,
    'relations', coalesce((
        SELECT json_agg(DISTINCT r.relname)
        FROM pg_catalog.pg_depend m
        JOIN pg_catalog.pg_depend u ON u.refclassid = m.classid AND u.refobjid = m.objid
        JOIN pg_catalog.pg_class r ON u.classid = 'pg_catalog.pg_class'::regclass AND r.oid = u.objid
            AND r.relnamespace = current_schema()::regnamespace
        WHERE m.deptype = 'e' AND m.refclassid = 'pg_catalog.pg_extension'::regclass AND m.refobjid = x.oid
            AND m.classid IN ('pg_catalog.pg_type'::regclass, 'pg_catalog.pg_proc'::regclass)), '[]')
)), '[]')::text
FROM pg_catalog.pg_extension x
JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
WHERE x.extname <> 'plpgsql'
