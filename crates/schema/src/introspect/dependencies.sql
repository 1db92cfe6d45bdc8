-- What has to exist before what: edges between types, sequences, functions, tables and views of the schema.
-- Parts count for their whole: a default, a check, a row type or an index for its table, a rewrite rule for its view.
-- Foreign keys are left out: they are added when all tables exist.
WITH node (classid, objid, kind, name) AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid,
        CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'c' THEN 'type' ELSE 'table' END, c.relname::text
    FROM pg_catalog.pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S', 'v', 'c')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, i.indexrelid, 'table', c.relname
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indrelid AND c.relnamespace = current_schema()::regnamespace
    WHERE EXISTS (SELECT FROM pg_catalog.pg_constraint n WHERE n.conindid = i.indexrelid AND n.conrelid = c.oid)
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid, 'table', c.relname
    FROM pg_catalog.pg_attrdef d
    JOIN pg_catalog.pg_class c ON c.oid = d.adrelid AND c.relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, n.oid,
        CASE WHEN n.conrelid <> 0 THEN 'table' ELSE 'type' END, coalesce(c.relname, t.typname)
    FROM pg_catalog.pg_constraint n
    LEFT JOIN pg_catalog.pg_class c ON c.oid = n.conrelid
    LEFT JOIN pg_catalog.pg_type t ON t.oid = n.contypid
    WHERE n.connamespace = current_schema()::regnamespace AND n.contype NOT IN ('f', 't')
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, w.oid, 'view', c.relname
    FROM pg_catalog.pg_rewrite w
    JOIN pg_catalog.pg_class c ON c.oid = w.ev_class AND c.relnamespace = current_schema()::regnamespace
        AND c.relkind = 'v'
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 'function',
        p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace
    UNION ALL
    -- A type stands for itself, for the array, multirange or row type of another object.
    SELECT 'pg_catalog.pg_type'::regclass, t.oid,
        CASE WHEN c.relkind IN ('r', 'p') THEN 'table' WHEN c.relkind = 'v' THEN 'view' ELSE 'type' END,
        coalesce(c.relname, e.typname)
    FROM pg_catalog.pg_type t
    LEFT JOIN pg_catalog.pg_range g ON g.rngmultitypid = t.oid
    JOIN pg_catalog.pg_type e
        ON e.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE coalesce(g.rngtypid, t.oid) END
    LEFT JOIN pg_catalog.pg_class c ON c.oid = e.typrelid
    WHERE t.typnamespace = current_schema()::regnamespace
)
SELECT coalesce(json_agg(DISTINCT jsonb_build_object(
    'from', jsonb_build_object('kind', a.kind, 'name', a.name),
    'to', jsonb_build_object('kind', b.kind, 'name', b.name))), '[]')::text
FROM pg_catalog.pg_depend d
JOIN node a ON a.classid = d.classid AND a.objid = d.objid
JOIN node b ON b.classid = d.refclassid AND b.objid = d.refobjid
WHERE d.deptype = 'n' AND (a.kind, a.name) <> (b.kind, b.name)
