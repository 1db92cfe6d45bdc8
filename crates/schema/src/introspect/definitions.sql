-- Collations, conversions, casts between types of the schema, and text search objects, as the statements that create them.
-- to_jsonb(c) ->> 'x' reads a catalog column that not every version has.
WITH here (oid) AS (SELECT current_schema()::regnamespace::oid),
named (oid, name) AS (
    SELECT f.oid, CASE WHEN f.pronamespace IN (here.oid, 'pg_catalog'::regnamespace) THEN ''
                       ELSE f.pronamespace::regnamespace || '.' END || quote_ident(f.proname)
    FROM pg_catalog.pg_proc f, here
),
listed (classid, objid, kind, name, statements) AS (
    SELECT 'pg_catalog.pg_collation'::regclass, c.oid, 'collation', quote_ident(c.collname),
        json_build_array(format('CREATE COLLATION %I (%s)', c.collname, concat_ws(', ',
            'PROVIDER = ' || CASE c.collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END,
            CASE WHEN NOT c.collisdeterministic THEN 'DETERMINISTIC = false' END,
            'LOCALE = ' || quote_literal(coalesce(
                to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale',
                CASE WHEN c.collcollate = c.collctype THEN c.collcollate END)),
            CASE WHEN c.collcollate <> c.collctype
                 THEN format('LC_COLLATE = %L, LC_CTYPE = %L', c.collcollate, c.collctype) END,
            'RULES = ' || quote_literal(to_jsonb(c) ->> 'collicurules'))))
    FROM pg_catalog.pg_collation c, here WHERE c.collnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::regclass, c.oid, 'conversion', quote_ident(c.conname),
        json_build_array(format('CREATE %sCONVERSION %I FOR %L TO %L FROM %s',
            CASE WHEN c.condefault THEN 'DEFAULT ' ELSE '' END, c.conname,
            pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), n.name))
    FROM pg_catalog.pg_conversion c JOIN named n ON n.oid = c.conproc, here WHERE c.connamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::regclass, c.oid, 'cast',
        format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)),
        json_build_array(format('CREATE CAST (%s AS %s) %s%s',
            format_type(c.castsource, NULL), format_type(c.casttarget, NULL),
            CASE c.castmethod WHEN 'i' THEN 'WITH INOUT' WHEN 'b' THEN 'WITHOUT FUNCTION'
                 ELSE format('WITH FUNCTION %s(%s)', n.name, pg_get_function_identity_arguments(c.castfunc)) END,
            CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END))
    FROM pg_catalog.pg_cast c
    JOIN pg_catalog.pg_type s ON s.oid = c.castsource
    JOIN pg_catalog.pg_type t ON t.oid = c.casttarget
    LEFT JOIN named n ON n.oid = c.castfunc, here
    WHERE here.oid IN (s.typnamespace, t.typnamespace)
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::regclass, d.oid, 'text search dictionary', quote_ident(d.dictname),
        json_build_array(format('CREATE TEXT SEARCH DICTIONARY %I (%s)', d.dictname, concat_ws(', ',
            'TEMPLATE = ' || CASE WHEN t.tmplnamespace = 'pg_catalog'::regnamespace THEN ''
                                  ELSE t.tmplnamespace::regnamespace || '.' END || quote_ident(t.tmplname),
            d.dictinitoption)))
    FROM pg_catalog.pg_ts_dict d JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate, here
    WHERE d.dictnamespace = here.oid
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass, c.oid, 'text search configuration', quote_ident(c.cfgname),
        to_json(ARRAY[format('CREATE TEXT SEARCH CONFIGURATION %I (PARSER = %s)', c.cfgname,
            CASE WHEN p.prsnamespace = 'pg_catalog'::regnamespace THEN ''
                 ELSE p.prsnamespace::regnamespace || '.' END || quote_ident(p.prsname))]
        || ARRAY(
            SELECT format('ALTER TEXT SEARCH CONFIGURATION %I ADD MAPPING FOR %I WITH %s', c.cfgname, t.alias,
                          string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno))
            FROM pg_catalog.pg_ts_config_map m
            JOIN ts_token_type(c.cfgparser) t ON t.tokid = m.maptokentype
            WHERE m.mapcfg = c.oid GROUP BY t.tokid, t.alias ORDER BY t.tokid))
    FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_ts_parser p ON p.oid = c.cfgparser, here
    WHERE c.cfgnamespace = here.oid
)
SELECT coalesce(json_agg(json_build_object(
    'kind', l.kind,
    'name', l.name,
    'comment', (SELECT d.description FROM pg_catalog.pg_description d
                WHERE d.classoid = l.classid AND d.objoid = l.objid AND d.objsubid = 0),
    'statements', l.statements)), '[]')::text
FROM listed l
-- The casts between a range and its multirange come with the type.
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = l.classid AND d.objid = l.objid AND d.deptype IN ('e', 'i'))
