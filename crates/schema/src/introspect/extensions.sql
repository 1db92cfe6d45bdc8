-- Extensions, and what of the schema needs something of theirs: types, functions, operators, operator classes, languages.
-- relations are those that name a type or a function; users are all objects.
WITH member (extension, classid, objid) AS (
    SELECT d.refobjid, d.classid, d.objid FROM pg_catalog.pg_depend d
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
),
used (extension, kind, name) AS (
    SELECT m.extension,
        CASE
            WHEN p.oid IS NOT NULL THEN 'function'
            WHEN y.oid IS NOT NULL THEN 'type'
            ELSE CASE r.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'type' ELSE 'table' END END,
        coalesce(p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', y.typname, r.relname)
    FROM member m
    JOIN pg_catalog.pg_depend u ON u.refclassid = m.classid AND u.refobjid = m.objid AND u.deptype IN ('n', 'a')
    LEFT JOIN pg_catalog.pg_constraint n ON u.classid = 'pg_catalog.pg_constraint'::regclass AND n.oid = u.objid
    LEFT JOIN pg_catalog.pg_attrdef d ON u.classid = 'pg_catalog.pg_attrdef'::regclass AND d.oid = u.objid
    LEFT JOIN pg_catalog.pg_rewrite w ON u.classid = 'pg_catalog.pg_rewrite'::regclass AND w.oid = u.objid
    LEFT JOIN pg_catalog.pg_trigger g ON u.classid = 'pg_catalog.pg_trigger'::regclass AND g.oid = u.objid
    LEFT JOIN pg_catalog.pg_policy o ON u.classid = 'pg_catalog.pg_policy'::regclass AND o.oid = u.objid
    LEFT JOIN pg_catalog.pg_index i ON u.classid = 'pg_catalog.pg_class'::regclass AND i.indexrelid = u.objid
    LEFT JOIN pg_catalog.pg_proc p ON u.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = u.objid
        AND p.pronamespace = current_schema()::regnamespace
    LEFT JOIN pg_catalog.pg_type y ON y.typnamespace = current_schema()::regnamespace
        AND y.oid = CASE WHEN u.classid = 'pg_catalog.pg_type'::regclass THEN u.objid ELSE nullif(n.contypid, 0) END
    LEFT JOIN pg_catalog.pg_class r ON r.relnamespace = current_schema()::regnamespace
        AND r.oid = coalesce(nullif(n.conrelid, 0), d.adrelid, w.ev_class, g.tgrelid, o.polrelid, i.indrelid,
                             CASE WHEN u.classid = 'pg_catalog.pg_class'::regclass THEN u.objid END)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                      WHERE e.classid = u.classid AND e.objid = u.objid AND e.deptype = 'e')
)
SELECT coalesce(json_agg(json_build_object(
    'name', x.extname,
    'schema', CASE WHEN x.extnamespace <> current_schema()::regnamespace THEN n.nspname END,
    'version', x.extversion,
    'users', coalesce((
        SELECT json_agg(DISTINCT jsonb_build_object('kind', u.kind, 'name', u.name))
        FROM used u WHERE u.extension = x.oid AND u.name IS NOT NULL), '[]'),
    'relations', coalesce((
        SELECT json_agg(DISTINCT r.relname)
        FROM member m
        JOIN pg_catalog.pg_depend u ON u.refclassid = m.classid AND u.refobjid = m.objid
        JOIN pg_catalog.pg_class r ON u.classid = 'pg_catalog.pg_class'::regclass AND r.oid = u.objid
            AND r.relnamespace = current_schema()::regnamespace
        WHERE m.extension = x.oid
            AND m.classid IN ('pg_catalog.pg_type'::regclass, 'pg_catalog.pg_proc'::regclass)), '[]')
)), '[]')::text
FROM pg_catalog.pg_extension x
JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
WHERE x.extname <> 'plpgsql'
