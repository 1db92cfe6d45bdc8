-- Extended statistics. The server always prints the schema of the object itself, so it is taken off here.
SELECT coalesce(json_agg(json_build_object(
    'table', r.relname,
    'name', s.stxname,
    'comment', obj_description(s.oid, 'pg_statistic_ext'),
    'target', CASE WHEN s.stxstattarget >= 0 THEN s.stxstattarget END,
    'definition', replace(pg_get_statisticsobjdef(s.oid),
                          format('CREATE STATISTICS %I.%I', current_schema(), s.stxname),
                          format('CREATE STATISTICS %I', s.stxname))
)), '[]')::text
FROM pg_catalog.pg_statistic_ext s
JOIN pg_catalog.pg_class r ON r.oid = s.stxrelid
WHERE s.stxnamespace = current_schema()::regnamespace AND r.relnamespace = s.stxnamespace
    AND r.relkind IN ('r', 'p', 'm')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')
