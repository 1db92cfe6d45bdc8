-- Enums, domains, composite types and ranges. Base types and shells are listed in unmodelled.sql.
SELECT coalesce(json_agg(fact), '[]')::text
FROM (
    SELECT json_build_object(
        'name', t.typname,
        'comment', obj_description(t.oid, 'pg_type'),
        'kind', 'enum',
        'labels', coalesce((SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)
                            FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), '[]')
    ) AS fact
    FROM pg_catalog.pg_type t
    WHERE t.typtype = 'e' AND t.typnamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    UNION ALL
    SELECT json_build_object(
        'name', t.typname,
        'comment', obj_description(t.oid, 'pg_type'),
        'kind', 'domain',
        'base', format_type(t.typbasetype, t.typtypmod),
        'collation', CASE WHEN t.typcollation <> b.typcollation THEN t.typcollation::regcollation::text END,
        'default', pg_get_expr(t.typdefaultbin, 0),
        'not_null', t.typnotnull,
        -- A constraint with a name from 17 on; given only where it is not the one that the server would choose.
        'not_null_name', (
            SELECT c.conname FROM pg_catalog.pg_constraint c
            WHERE c.contypid = t.oid AND c.contype = 'n' AND c.conname <> substr(('123456789' || t.typname)::name::text, 10) || '_not_null'),
        'not_null_comment', (
            SELECT obj_description(c.oid, 'pg_constraint') FROM pg_catalog.pg_constraint c
            WHERE c.contypid = t.oid AND c.contype = 'n'),
        'checks', coalesce((
            SELECT json_agg(json_build_object(
                                'name', c.conname, 'definition', pg_get_constraintdef(c.oid),
                                'unvalidated', NOT c.convalidated, 'comment', obj_description(c.oid, 'pg_constraint'))
                            ORDER BY c.conname COLLATE "C")
            FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c'), '[]')
    )
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
    WHERE t.typtype = 'd' AND t.typnamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    UNION ALL
    SELECT json_build_object(
        'name', t.typname,
        'comment', obj_description(t.oid, 'pg_type'),
        'kind', 'composite',
        'attributes', coalesce((
            SELECT json_agg(json_build_object(
                'name', a.attname,
                'type', format_type(a.atttypid, a.atttypmod),
                'collation', CASE WHEN a.attcollation <> at.typcollation THEN a.attcollation::regcollation::text END,
                'comment', col_description(t.typrelid, a.attnum))
                ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a
            JOIN pg_catalog.pg_type at ON at.oid = a.atttypid
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]')
    )
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
    WHERE t.typtype = 'c' AND t.typnamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    UNION ALL
    SELECT json_build_object(
        'name', t.typname,
        'comment', obj_description(t.oid, 'pg_type'),
        'kind', 'range',
        'subtype', format_type(r.rngsubtype, NULL),
        'opclass', CASE
            WHEN o.opcdefault THEN NULL
            WHEN pg_opclass_is_visible(o.oid) THEN quote_ident(o.opcname)
            ELSE format('%s.%I', o.opcnamespace::regnamespace, o.opcname) END,
        'collation', CASE WHEN r.rngcollation <> s.typcollation THEN r.rngcollation::regcollation::text END,
        'canonical', CASE WHEN r.rngcanonical <> 0 THEN r.rngcanonical::regproc::text END,
        'difference', CASE WHEN r.rngsubdiff <> 0 THEN r.rngsubdiff::regproc::text END,
        'multirange', m.typname,
        'multirange_comment', obj_description(m.oid, 'pg_type')
    )
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
    JOIN pg_catalog.pg_type s ON s.oid = r.rngsubtype
    JOIN pg_catalog.pg_type m ON m.oid = r.rngmultitypid
    JOIN pg_catalog.pg_opclass o ON o.oid = r.rngsubopc
    WHERE t.typtype = 'r' AND t.typnamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
) facts
