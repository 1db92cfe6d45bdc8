, expressions AS (
  SELECT p.table_oid, p.nspname, concat(p.seen, ' ', p.checked) AS text FROM policies p WHERE p.kind = 'tenant'
  UNION ALL
  SELECT p.table_oid, p.nspname, coalesce(pg_get_function_sqlbody(f.oid), f.prosrc)
    FROM policies p
    JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass
    JOIN pg_proc f ON f.oid = d.refobjid
   WHERE p.kind = 'tenant' AND f.pronamespace <> coalesce(to_regnamespace('tenancy'), 0)),
settings AS (
  SELECT lower(m[1]) AS name, count(DISTINCT e.table_oid) AS tables, min(e.nspname::text) AS schema
    FROM expressions e CROSS JOIN LATERAL regexp_matches(e.text, 'current_setting\s*\(\s*''([^'']+)''', 'gi') m
   GROUP BY 1)
SELECT NULL::text AS schema, 'setting ' || s.name AS place,
       'policies of ' || s.tables || ' tables trust it for the tenant, and any SQL can set it' AS message,
       'keep the tenant in a setting that only a superuser may write, behind a function that verifies a token (tenantry cluster add installs one), or verify a signature in the policy' AS hint,
       jsonb_build_object('setting', s.name, 'tables', s.tables, 'context', coalesce(g.context, 'user'))::text AS facts,
       format('SELECT set_config(%L, ''any tenant'', true)', s.name) AS proof
  FROM settings s LEFT JOIN pg_settings g ON g.name = s.name
 WHERE coalesce(g.context, 'user') IN ('user', 'backend')
