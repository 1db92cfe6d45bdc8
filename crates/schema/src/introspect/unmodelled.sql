-- What the model does not hold, so that it is refused or reported, never lost. Objects of extensions don't count.
WITH here (oid) AS (SELECT current_schema()::regnamespace::oid),
listed (classid, objid, kind, name) AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid,
        CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END, c.relname::text
    FROM pg_catalog.pg_class c, here WHERE c.relnamespace = here.oid AND c.relkind IN ('m', 'f')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'typed table', c.relname
    FROM pg_catalog.pg_class c, here WHERE c.relnamespace = here.oid AND c.reloftype <> 0
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'tablespace', c.relname
    FROM pg_catalog.pg_class c, here WHERE c.relnamespace = here.oid AND c.reltablespace <> 0
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'table access method', c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am m ON m.oid = c.relam, here
    WHERE c.relnamespace = here.oid AND c.relkind IN ('r', 'p') AND m.amname <> 'heap'
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, w.oid, 'rule', w.rulename || ' on ' || c.relname
    FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class, here
    WHERE c.relnamespace = here.oid AND NOT (c.relkind IN ('v', 'm') AND w.rulename = '_RETURN')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'default of a view column', a.attname || ' of ' || c.relname
    FROM pg_catalog.pg_attrdef d
    JOIN pg_catalog.pg_class c ON c.oid = d.adrelid AND c.relkind = 'v'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum, here
    WHERE c.relnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, r.oid, 'invalid index', c.relname
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_class r ON r.oid = i.indrelid, here
    WHERE r.relnamespace = here.oid AND NOT i.indisvalid
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, n.oid, 'not-null constraint that is not validated',
        n.conname || ' on ' || c.relname
    FROM pg_catalog.pg_constraint n JOIN pg_catalog.pg_class c ON c.oid = n.conrelid, here
    WHERE c.relnamespace = here.oid AND n.contype = 'n' AND NOT n.convalidated
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid,
        CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE 'window function' END, p.proname
    FROM pg_catalog.pg_proc p, here WHERE p.pronamespace = here.oid AND p.prokind IN ('a', 'w')
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, 'base type', t.typname
    FROM pg_catalog.pg_type t, here
    WHERE t.typnamespace = here.oid AND t.typtype IN ('b', 'p') AND NOT (t.typcategory = 'A' AND t.typelem <> 0)
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::regclass, o.oid, 'operator', o.oprname
    FROM pg_catalog.pg_operator o, here WHERE o.oprnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass, o.oid, 'operator class', o.opcname
    FROM pg_catalog.pg_opclass o, here WHERE o.opcnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::regclass, o.oid, 'operator family', o.opfname
    FROM pg_catalog.pg_opfamily o, here WHERE o.opfnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::regclass, c.oid, 'collation', c.collname
    FROM pg_catalog.pg_collation c, here WHERE c.collnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::regclass, c.oid, 'conversion', c.conname
    FROM pg_catalog.pg_conversion c, here WHERE c.connamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass, c.oid, 'text search configuration', c.cfgname
    FROM pg_catalog.pg_ts_config c, here WHERE c.cfgnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::regclass, d.oid, 'text search dictionary', d.dictname
    FROM pg_catalog.pg_ts_dict d, here WHERE d.dictnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::regclass, c.oid, 'cast', format('%s AS %s', c.castsource::regtype, c.casttarget::regtype)
    FROM pg_catalog.pg_cast c WHERE c.oid >= 16384
    UNION ALL
    -- These three belong to the database; our own start with "tenantry".
    SELECT 'pg_catalog.pg_event_trigger'::regclass, e.oid, 'event trigger', e.evtname
    FROM pg_catalog.pg_event_trigger e WHERE e.evtname NOT LIKE 'tenantry%'
    UNION ALL
    SELECT 'pg_catalog.pg_publication'::regclass, p.oid, 'publication', p.pubname
    FROM pg_catalog.pg_publication p WHERE p.pubname NOT LIKE 'tenantry%'
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::regclass, s.oid, 'foreign server', s.srvname
    FROM pg_catalog.pg_foreign_server s WHERE s.srvname NOT LIKE 'tenantry%'
    UNION ALL
    -- A pool also holds the schemas of its tenants and, read from there, the shared tables.
    SELECT 'pg_catalog.pg_namespace'::regclass, n.oid, 'schema', n.nspname
    FROM pg_catalog.pg_namespace n, here
    WHERE n.oid <> here.oid AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'tenancy', 'public')
        AND n.nspname !~ '^(pg_t|t_[0-9]+$)'
        AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))
)
SELECT coalesce(json_agg(json_build_object('kind', l.kind, 'name', l.name)), '[]')::text
FROM listed l
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = l.classid AND d.objid = l.objid
                      -- The casts between a range and its multirange come with the type.
                      AND (d.deptype = 'e' OR (d.deptype = 'i' AND l.kind = 'cast')))
