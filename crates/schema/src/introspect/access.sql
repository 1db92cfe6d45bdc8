-- Owners and grants, for audits. What is granted to the owner itself is left out; EXECUTE that PUBLIC has by default is not.
WITH here (oid) AS (SELECT current_schema()::regnamespace::oid),
owned (kind, name, "column", owner, acl) AS (
    SELECT 'schema', n.nspname::text, NULL::text, n.nspowner, n.nspacl
    FROM pg_catalog.pg_namespace n, here WHERE n.oid = here.oid
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, c.relname, NULL, c.relowner, c.relacl
    FROM pg_catalog.pg_class c, here
    WHERE c.relnamespace = here.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
    UNION ALL
    SELECT 'table', c.relname, a.attname, c.relowner, a.attacl
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL, here
    WHERE c.relnamespace = here.oid AND c.relpersistence <> 't' AND NOT a.attisdropped
    UNION ALL
    SELECT 'function', format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)), NULL, p.proowner,
        coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_catalog.pg_proc p, here
    WHERE p.pronamespace = here.oid
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('i', 'e'))
    UNION ALL
    SELECT 'type', t.typname, NULL, t.typowner, t.typacl
    FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid, here
    WHERE t.typnamespace = here.oid AND t.typtype IN ('c', 'd', 'e', 'r') AND (c.oid IS NULL OR c.relkind = 'c')
)
SELECT json_build_object(
    'owners', (
        SELECT coalesce(json_agg(json_build_object('on', o.kind, 'name', o.name, 'owner', pg_get_userbyid(o.owner))), '[]')
        FROM owned o WHERE o."column" IS NULL),
    'grants', (
        SELECT coalesce(json_agg(json_build_object(
            'on', o.kind, 'name', o.name, 'column', o."column",
            'grantee', CASE WHEN g.grantee <> 0 THEN pg_get_userbyid(g.grantee) END,
            'grantor', pg_get_userbyid(g.grantor),
            'privilege', g.privilege_type, 'grantable', g.is_grantable)), '[]')
        FROM owned o CROSS JOIN LATERAL aclexplode(o.acl) g
        WHERE g.grantee <> o.owner),
    'defaults', (
        SELECT coalesce(json_agg(json_build_object(
            'role', pg_get_userbyid(a.defaclrole), 'in_schema', a.defaclnamespace <> 0, 'objects', a.defaclobjtype,
            'grantee', CASE WHEN g.grantee <> 0 THEN pg_get_userbyid(g.grantee) END,
            'privilege', g.privilege_type, 'grantable', g.is_grantable)), '[]')
        FROM pg_catalog.pg_default_acl a CROSS JOIN LATERAL aclexplode(a.defaclacl) g, here
        WHERE a.defaclnamespace IN (0, here.oid) AND g.grantee <> a.defaclrole)
)::text
