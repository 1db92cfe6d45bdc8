-- Functions, procedures and window functions. pg_get_functiondef always prints the schema, so everything up to the name is replaced.
-- Aggregates: aggregates.sql.
SELECT coalesce(json_agg(json_build_object(
    'name', p.proname,
    'arguments', pg_get_function_identity_arguments(p.oid),
    'comment', obj_description(p.oid, 'pg_proc'),
    'procedure', p.prokind = 'p',
    'language', l.lanname,
    'security_definer', p.prosecdef,
    'leakproof', p.proleakproof,
    'trigger', p.prorettype = 'pg_catalog.trigger'::regtype,
    'settings', coalesce(to_json(p.proconfig), '[]'),
    'body', CASE WHEN to_jsonb(p) ->> 'prosqlbody' IS NULL THEN p.prosrc END,
    'definition', overlay(
        pg_get_functiondef(p.oid) PLACING ''
        FROM length(CASE p.prokind WHEN 'p' THEN 'CREATE OR REPLACE PROCEDURE ' ELSE 'CREATE OR REPLACE FUNCTION ' END) + 1
        FOR length(quote_ident(current_schema())) + 1)
)), '[]')::text
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind IN ('f', 'p', 'w')
    -- Functions that the server makes itself (constructors of ranges) belong to their type.
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('i', 'e'))
