-- Aggregates, as the statements that create them. Names of functions are given bare where they are in the schema that is
-- read: regproc would qualify those that are overloaded.
WITH named (oid, name) AS (
    SELECT f.oid, CASE WHEN f.pronamespace IN (current_schema()::regnamespace, 'pg_catalog'::regnamespace) THEN ''
                       ELSE f.pronamespace::regnamespace || '.' END || quote_ident(f.proname)
    FROM pg_catalog.pg_proc f
)
SELECT coalesce(json_agg(json_build_object(
    'kind', 'aggregate',
    'name', format('%I(%s)', p.proname, CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_identity_arguments(p.oid) END),
    'comment', obj_description(p.oid, 'pg_proc'),
    'statements', json_build_array(format(
        'CREATE AGGREGATE %I(%s) (%s)', p.proname,
        CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_arguments(p.oid) END,
        concat_ws(', ',
            'SFUNC = ' || (SELECT f.name FROM named f WHERE f.oid = a.aggtransfn),
            'STYPE = ' || format_type(a.aggtranstype, NULL),
            'SSPACE = ' || nullif(a.aggtransspace, 0),
            'FINALFUNC = ' || (SELECT f.name FROM named f WHERE f.oid = a.aggfinalfn),
            CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
            CASE WHEN a.aggfinalfn <> 0 AND a.aggfinalmodify <> (CASE a.aggkind WHEN 'n' THEN 'r' ELSE 'w' END)
                 THEN 'FINALFUNC_MODIFY = ' || (modes.words ->> a.aggfinalmodify::text) END,
            'COMBINEFUNC = ' || (SELECT f.name FROM named f WHERE f.oid = a.aggcombinefn),
            'SERIALFUNC = ' || (SELECT f.name FROM named f WHERE f.oid = a.aggserialfn),
            'DESERIALFUNC = ' || (SELECT f.name FROM named f WHERE f.oid = a.aggdeserialfn),
            'INITCOND = ' || quote_literal(a.agginitval),
            'MSFUNC = ' || (SELECT f.name FROM named f WHERE f.oid = a.aggmtransfn),
            'MINVFUNC = ' || (SELECT f.name FROM named f WHERE f.oid = a.aggminvtransfn),
            'MSTYPE = ' || CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END,
            'MSSPACE = ' || nullif(a.aggmtransspace, 0),
            'MFINALFUNC = ' || (SELECT f.name FROM named f WHERE f.oid = a.aggmfinalfn),
            CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
            CASE WHEN a.aggmfinalfn <> 0 AND a.aggmfinalmodify <> (CASE a.aggkind WHEN 'n' THEN 'r' ELSE 'w' END)
                 THEN 'MFINALFUNC_MODIFY = ' || (modes.words ->> a.aggmfinalmodify::text) END,
            'MINITCOND = ' || quote_literal(a.aggminitval),
            'SORTOP = ' || (
                SELECT CASE WHEN pg_operator_is_visible(o.oid) THEN o.oprname
                            ELSE format('OPERATOR(%s.%s)', o.oprnamespace::regnamespace, o.oprname) END
                FROM pg_catalog.pg_operator o WHERE o.oid = a.aggsortop),
            CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END,
            'PARALLEL = ' || CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END)))
)), '[]')::text
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
CROSS JOIN (SELECT '{"r": "READ_ONLY", "s": "SHAREABLE", "w": "READ_WRITE"}'::json AS words) modes
WHERE p.pronamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
