-- What has to exist before what: edges between the objects of the schema that statements of their own create. A soft edge
-- is a default's or a check's alone, which can be added later.
-- Parts count for their whole: a default, a check, a row type or a constraint's index for its table, a rewrite rule for its
-- view, an operator of a class for that class. Left out is what is created when everything else exists: foreign keys, plain
-- indexes, triggers, policies, rules, defaults of views.
WITH here (oid) AS MATERIALIZED (SELECT current_schema()::regnamespace::oid),
-- What extensions bring comes with them.
member (classid, objid) AS MATERIALIZED (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'),
relation (oid, kind, name) AS MATERIALIZED (
    SELECT c.oid, CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                                 WHEN 'c' THEN 'type' ELSE 'table' END, c.relname::text
    FROM pg_catalog.pg_class c, here
    WHERE c.relnamespace = here.oid AND c.relkind IN ('r', 'p', 'S', 'v', 'm', 'c')
        AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid)
),
-- A type stands for itself, for the array or multirange of another one, or for the row of a relation.
type (oid, kind, name) AS MATERIALIZED (
    SELECT t.oid, coalesce(r.kind, 'type'), coalesce(r.name, e.typname)
    FROM pg_catalog.pg_type t
    CROSS JOIN here
    LEFT JOIN pg_catalog.pg_range g ON g.rngmultitypid = t.oid
    JOIN pg_catalog.pg_type e
        ON e.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE coalesce(g.rngtypid, t.oid) END
    LEFT JOIN relation r ON r.oid = e.typrelid
    WHERE t.typnamespace = here.oid
        AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_type'::regclass AND m.objid IN (t.oid, e.oid))
),
every_node (classid, objid, kind, name, soft) AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid, r.oid, r.kind, r.name, false FROM relation r
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, n.conindid, r.kind, r.name, false
    FROM pg_catalog.pg_constraint n JOIN relation r ON r.oid = n.conrelid
    WHERE n.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid, r.kind, r.name, a.attgenerated = ''
    FROM pg_catalog.pg_attrdef d
    JOIN relation r ON r.oid = d.adrelid AND r.kind = 'table'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, n.oid, r.kind, r.name, n.contype = 'c'
    FROM pg_catalog.pg_constraint n JOIN relation r ON r.oid = n.conrelid
    WHERE n.contype NOT IN ('f', 't')
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, n.oid, t.kind, t.name, true
    FROM pg_catalog.pg_constraint n JOIN type t ON t.oid = n.contypid
    WHERE n.contypid <> 0
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, w.oid, r.kind, r.name, false
    FROM pg_catalog.pg_rewrite w JOIN relation r ON r.oid = w.ev_class AND r.kind IN ('view', 'materialized view')
    WHERE w.rulename = '_RETURN'
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, t.kind, t.name, false FROM type t
    UNION ALL
    -- Constructors of ranges come with their type.
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid,
        CASE WHEN t.oid IS NOT NULL THEN t.kind WHEN p.prokind = 'a' THEN 'definition' ELSE 'function' END,
        CASE WHEN t.oid IS NOT NULL THEN t.name
             WHEN p.prokind = 'a' THEN format('aggregate %I(%s)', p.proname,
                 CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_identity_arguments(p.oid) END)
             ELSE p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' END,
        false
    FROM pg_catalog.pg_proc p
    CROSS JOIN here
    LEFT JOIN pg_catalog.pg_depend i ON i.classid = 'pg_catalog.pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i'
        AND i.refclassid = 'pg_catalog.pg_type'::regclass
    LEFT JOIN type t ON t.oid = i.refobjid
    WHERE p.pronamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::regclass, o.oid, 'definition',
        format('operator %s (%s, %s)', o.oprname, CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
               format_type(o.oprright, NULL)), false
    FROM pg_catalog.pg_operator o, here WHERE o.oprnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::regclass, f.oid, 'definition',
        format('operator family %I USING %I', f.opfname, m.amname), false
    FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_am m ON m.oid = f.opfmethod, here WHERE f.opfnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass, c.oid, 'definition',
        format('operator class %I USING %I', c.opcname, m.amname), false
    FROM pg_catalog.pg_opclass c JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod, here WHERE c.opcnamespace = here.oid
    UNION ALL
    SELECT m.classid, m.objid, 'definition', coalesce(
        (SELECT format('operator class %I USING %I', c.opcname, a.amname)
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_opclass c ON c.oid = d.refobjid
         JOIN pg_catalog.pg_am a ON a.oid = c.opcmethod
         WHERE d.classid = m.classid AND d.objid = m.objid AND d.refclassid = 'pg_catalog.pg_opclass'::regclass),
        format('operator family %I USING %I', f.opfname, a.amname)), false
    FROM (SELECT 'pg_catalog.pg_amop'::regclass::oid, oid, amopfamily FROM pg_catalog.pg_amop
          UNION ALL
          SELECT 'pg_catalog.pg_amproc'::regclass, oid, amprocfamily FROM pg_catalog.pg_amproc) m (classid, objid, family)
    JOIN pg_catalog.pg_opfamily f ON f.oid = m.family
    JOIN pg_catalog.pg_am a ON a.oid = f.opfmethod, here
    WHERE f.opfnamespace = here.oid
        AND NOT EXISTS (SELECT FROM member e WHERE e.classid = 'pg_catalog.pg_opfamily'::regclass AND e.objid = f.oid)
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::regclass, c.oid, 'definition', 'collation ' || quote_ident(c.collname), false
    FROM pg_catalog.pg_collation c, here WHERE c.collnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::regclass, c.oid, 'definition', 'conversion ' || quote_ident(c.conname), false
    FROM pg_catalog.pg_conversion c, here WHERE c.connamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::regclass, c.oid, 'definition',
        format('cast (%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)), false
    FROM pg_catalog.pg_cast c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::regclass, d.oid, 'definition', 'text search dictionary ' || quote_ident(d.dictname), false
    FROM pg_catalog.pg_ts_dict d, here WHERE d.dictnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass, c.oid, 'definition', 'text search configuration ' || quote_ident(c.cfgname), false
    FROM pg_catalog.pg_ts_config c, here WHERE c.cfgnamespace = here.oid
),
node AS MATERIALIZED (
    SELECT * FROM every_node n
    WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = n.classid AND m.objid = n.objid)
)
SELECT coalesce(json_agg(json_build_object(
    'from', json_build_object('kind', e.from_kind, 'name', e.from_name),
    'to', json_build_object('kind', e.to_kind, 'name', e.to_name),
    'soft', e.soft)), '[]')::text
FROM (
    SELECT a.kind AS from_kind, a.name AS from_name, b.kind AS to_kind, b.name AS to_name, bool_and(a.soft) AS soft
    FROM pg_catalog.pg_depend d
    JOIN node a ON a.classid = d.classid AND a.objid = d.objid
    JOIN node b ON b.classid = d.refclassid AND b.objid = d.refobjid
    -- A class is created into its family; a family's loose members only softly depend on what they are made of.
    WHERE (d.deptype = 'n' OR d.classid IN (
            'pg_catalog.pg_opclass'::regclass, 'pg_catalog.pg_amop'::regclass, 'pg_catalog.pg_amproc'::regclass))
        AND (a.kind, a.name) <> (b.kind, b.name)
    GROUP BY a.kind, a.name, b.kind, b.name
) e
