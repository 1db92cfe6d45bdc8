-- Operators, operator families and operator classes, as the statements that create them.
-- A family's loose members (those of no class) are added to it by a statement of its own.
WITH here (oid) AS (SELECT current_schema()::regnamespace::oid),
named (oid, name) AS (
    SELECT f.oid, CASE WHEN f.pronamespace IN (here.oid, 'pg_catalog'::regnamespace) THEN ''
                       ELSE f.pronamespace::regnamespace || '.' END || quote_ident(f.proname)
    FROM pg_catalog.pg_proc f, here
),
symbol (oid, name) AS (
    SELECT o.oid, CASE WHEN o.oprnamespace IN (here.oid, 'pg_catalog'::regnamespace) THEN o.oprname
                       ELSE format('OPERATOR(%s.%s)', o.oprnamespace::regnamespace, o.oprname) END
    FROM pg_catalog.pg_operator o, here
),
family (oid, name, method) AS (
    SELECT f.oid, CASE WHEN f.opfnamespace IN (here.oid, 'pg_catalog'::regnamespace) THEN ''
                       ELSE f.opfnamespace::regnamespace || '.' END || quote_ident(f.opfname), m.amname
    FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_am m ON m.oid = f.opfmethod, here
),
-- Operators and functions of families, with the class that each belongs to, if any.
member (family, class, rank, strategy, text) AS (
    SELECT a.amopfamily, d.refobjid, 1, a.amopstrategy,
        format('OPERATOR %s %s (%s, %s)', a.amopstrategy, s.name,
               format_type(a.amoplefttype, NULL), format_type(a.amoprighttype, NULL))
        || coalesce(' FOR ORDER BY ' || (SELECT f.name FROM family f WHERE f.oid = a.amopsortfamily), '')
    FROM pg_catalog.pg_amop a
    JOIN symbol s ON s.oid = a.amopopr
    LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_amop'::regclass AND d.objid = a.oid
        AND d.refclassid = 'pg_catalog.pg_opclass'::regclass
    UNION ALL
    SELECT a.amprocfamily, d.refobjid, 2, a.amprocnum,
        format('FUNCTION %s (%s, %s) %s(%s)', a.amprocnum, format_type(a.amproclefttype, NULL),
               format_type(a.amprocrighttype, NULL), n.name, pg_get_function_identity_arguments(a.amproc))
    FROM pg_catalog.pg_amproc a
    JOIN named n ON n.oid = a.amproc
    LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_amproc'::regclass AND d.objid = a.oid
        AND d.refclassid = 'pg_catalog.pg_opclass'::regclass
),
listed (classid, objid, kind, name, statements) AS (
    SELECT 'pg_catalog.pg_operator'::regclass, o.oid, 'operator',
        format('%s (%s, %s)', o.oprname, CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
               format_type(o.oprright, NULL)),
        json_build_array(format('CREATE OPERATOR %s (%s)', o.oprname, concat_ws(', ',
            'FUNCTION = ' || (SELECT n.name FROM named n WHERE n.oid = o.oprcode),
            'LEFTARG = ' || CASE WHEN o.oprleft <> 0 THEN format_type(o.oprleft, NULL) END,
            'RIGHTARG = ' || format_type(o.oprright, NULL),
            'COMMUTATOR = ' || (SELECT s.name FROM symbol s WHERE s.oid = o.oprcom),
            'NEGATOR = ' || (SELECT s.name FROM symbol s WHERE s.oid = o.oprnegate),
            'RESTRICT = ' || (SELECT n.name FROM named n WHERE n.oid = o.oprrest),
            'JOIN = ' || (SELECT n.name FROM named n WHERE n.oid = o.oprjoin),
            CASE WHEN o.oprcanmerge THEN 'MERGES' END,
            CASE WHEN o.oprcanhash THEN 'HASHES' END)))
    FROM pg_catalog.pg_operator o, here
    -- Without a function: only promised, as somebody's commutator.
    WHERE o.oprnamespace = here.oid AND o.oprcode <> 0
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::regclass, f.oid, 'operator family', format('%I USING %I', f.opfname, n.method),
        to_json(array_remove(ARRAY[
            format('CREATE OPERATOR FAMILY %I USING %I', f.opfname, n.method),
            (SELECT format('ALTER OPERATOR FAMILY %I USING %I ADD %s', f.opfname, n.method,
                           string_agg(m.text, ', ' ORDER BY m.rank, m.strategy, m.text))
             FROM member m WHERE m.family = f.oid AND m.class IS NULL HAVING count(*) > 0)], NULL))
    FROM pg_catalog.pg_opfamily f JOIN family n ON n.oid = f.oid, here
    WHERE f.opfnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass, c.oid, 'operator class', format('%I USING %I', c.opcname, n.method),
        json_build_array(format('CREATE OPERATOR CLASS %I %sFOR TYPE %s USING %I FAMILY %s AS %s',
            c.opcname, CASE WHEN c.opcdefault THEN 'DEFAULT ' ELSE '' END, format_type(c.opcintype, NULL), n.method, n.name,
            concat_ws(', ',
                'STORAGE ' || CASE WHEN c.opckeytype <> 0 THEN format_type(c.opckeytype, NULL) END,
                coalesce((SELECT string_agg(m.text, ', ' ORDER BY m.rank, m.strategy, m.text)
                          FROM member m WHERE m.class = c.oid),
                         CASE WHEN c.opckeytype = 0 THEN 'STORAGE ' || format_type(c.opcintype, NULL) END))))
    FROM pg_catalog.pg_opclass c JOIN family n ON n.oid = c.opcfamily, here
    WHERE c.opcnamespace = here.oid
)
SELECT coalesce(json_agg(json_build_object(
    'kind', l.kind,
    'name', l.name,
    'comment', (SELECT d.description FROM pg_catalog.pg_description d
                WHERE d.classoid = l.classid AND d.objoid = l.objid AND d.objsubid = 0),
    'statements', l.statements)), '[]')::text
FROM listed l
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = l.classid AND d.objid = l.objid AND d.deptype = 'e')
