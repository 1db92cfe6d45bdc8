-- What the model does not hold, so that it is refused or reported, never lost. Objects of extensions don't count.
WITH here (oid) AS (SELECT current_schema()::regnamespace::oid),
listed (classid, objid, kind, name) AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid, 'foreign table', c.relname::text
    FROM pg_catalog.pg_class c, here WHERE c.relnamespace = here.oid AND c.relkind = 'f'
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'partition that is being detached', c.relname
    FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid, here
    WHERE c.relnamespace = here.oid AND i.inhdetachpending
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'parent in another schema', c.relname
    FROM pg_catalog.pg_inherits i
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relkind IN ('r', 'p')
    JOIN pg_catalog.pg_class p ON p.oid = i.inhparent, here
    WHERE c.relnamespace = here.oid AND p.relnamespace <> here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'tablespace', c.relname
    FROM pg_catalog.pg_class c, here WHERE c.relnamespace = here.oid AND c.reltablespace <> 0
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'table access method', c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am m ON m.oid = c.relam, here
    -- An extension's comes with the extension.
    WHERE c.relnamespace = here.oid AND c.relkind IN ('r', 'p', 'm') AND m.amname <> 'heap' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_am'::regclass AND d.objid = m.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, r.oid, 'invalid index', c.relname
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_class r ON r.oid = i.indrelid, here
    -- The model holds unfinished indexes of partitioned tables.
    WHERE r.relnamespace = here.oid AND NOT i.indisvalid AND (r.relkind <> 'p' OR EXISTS (
        SELECT FROM pg_catalog.pg_constraint n WHERE n.conindid = i.indexrelid AND n.conrelid = r.oid))
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, 'base type', t.typname
    FROM pg_catalog.pg_type t, here
    WHERE t.typnamespace = here.oid AND t.typtype IN ('b', 'p') AND NOT (t.typcategory = 'A' AND t.typelem <> 0)
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::regclass, c.oid, 'cast', format('%s AS %s', c.castsource::regtype, c.casttarget::regtype)
    FROM pg_catalog.pg_cast c
    JOIN pg_catalog.pg_type s ON s.oid = c.castsource
    JOIN pg_catalog.pg_type t ON t.oid = c.casttarget, here
    -- The model holds those of the schema's own types; others are the database's.
    WHERE c.oid >= 16384 AND here.oid NOT IN (s.typnamespace, t.typnamespace)
        AND s.typnamespace::regnamespace::text !~ '^t_[0-9]+$' AND t.typnamespace::regnamespace::text !~ '^t_[0-9]+$'
    UNION ALL
    SELECT 'pg_catalog.pg_ts_parser'::regclass, p.oid, 'text search parser', p.prsname
    FROM pg_catalog.pg_ts_parser p, here WHERE p.prsnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_ts_template'::regclass, t.oid, 'text search template', t.tmplname
    FROM pg_catalog.pg_ts_template t, here WHERE t.tmplnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_transform'::regclass, f.oid, 'transform', format('for %s language %I', f.trftype::regtype, l.lanname)
    FROM pg_catalog.pg_transform f JOIN pg_catalog.pg_language l ON l.oid = f.trflang
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, s.oid, 'statistics object of another schema',
        s.stxname || ' on ' || c.relname
    FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid, here
    WHERE c.relnamespace = here.oid AND s.stxnamespace <> here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::regclass, g.oid, 'disabled foreign key', n.conname || ' on ' || c.relname
    FROM pg_catalog.pg_trigger g
    JOIN pg_catalog.pg_constraint n ON n.oid = g.tgconstraint AND n.contype = 'f'
    JOIN pg_catalog.pg_class c ON c.oid = n.conrelid, here
    WHERE c.relnamespace = here.oid AND g.tgisinternal AND g.tgenabled <> 'O'
    UNION ALL
    SELECT d.classid, d.objid, 'dependence on an extension', format('%s on %s', pg_describe_object(d.classid, d.objid, 0), x.extname)
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_extension'::regclass
    WHERE d.deptype = 'x'
    UNION ALL
    SELECT l.classoid, l.objoid, 'security label', format('%s of %s', l.provider, pg_describe_object(l.classoid, l.objoid, l.objsubid))
    FROM pg_catalog.pg_seclabel l
    UNION ALL
    SELECT 'pg_catalog.pg_namespace'::regclass, here.oid, 'comment', 'on the schema'
    FROM here WHERE obj_description(here.oid, 'pg_namespace') <> 'standard public schema'
    UNION ALL
    -- A partition's foreign key that comes from its parent is not a statement of its own.
    SELECT 'pg_catalog.pg_constraint'::regclass, n.oid, 'comment', format('on %s of %s', n.conname, c.relname)
    FROM pg_catalog.pg_constraint n JOIN pg_catalog.pg_class c ON c.oid = n.conrelid, here
    WHERE c.relnamespace = here.oid AND n.contype = 'f' AND n.conparentid <> 0
        AND obj_description(n.oid, 'pg_constraint') IS NOT NULL
    UNION ALL
    -- These four belong to the database; our own start with "tenantry".
    SELECT 'pg_catalog.pg_event_trigger'::regclass, e.oid, 'event trigger', e.evtname
    FROM pg_catalog.pg_event_trigger e WHERE e.evtname NOT LIKE 'tenantry%'
    UNION ALL
    SELECT 'pg_catalog.pg_publication'::regclass, p.oid, 'publication', p.pubname
    FROM pg_catalog.pg_publication p WHERE p.pubname NOT LIKE 'tenantry%'
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::regclass, s.oid, 'foreign server', s.srvname
    FROM pg_catalog.pg_foreign_server s WHERE s.srvname NOT LIKE 'tenantry%'
    UNION ALL
    SELECT 'pg_catalog.pg_language'::regclass, l.oid, 'language', l.lanname
    FROM pg_catalog.pg_language l WHERE l.oid >= 16384
    UNION ALL
    -- A pool also holds the schemas of its tenants and, read from there, the shared tables.
    SELECT 'pg_catalog.pg_namespace'::regclass, n.oid, 'schema', n.nspname
    FROM pg_catalog.pg_namespace n, here
    WHERE n.oid <> here.oid AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'tenancy', 'public')
        AND n.nspname !~ '^(pg_t|t_[0-9]+$)'
        AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))
)
SELECT coalesce(json_agg(DISTINCT jsonb_build_object('kind', l.kind, 'name', l.name)), '[]')::text
FROM listed l
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = l.classid AND d.objid = l.objid AND l.kind <> 'dependence on an extension'
                      -- The casts between a range and its multirange come with the type.
                      AND (d.deptype = 'e' OR (d.deptype = 'i' AND l.kind = 'cast')))
