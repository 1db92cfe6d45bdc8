, common AS (SELECT t.tenant_type, count(*) AS n FROM rows_of_many t GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1)
SELECT t.nspname::text AS schema, t.relname || '.' || t.tenant_name AS place,
       'it is ' || format_type(t.tenant_type, NULL) || '; in ' || u.n || ' other tables it is ' || format_type(u.tenant_type, NULL) AS message,
       jsonb_build_object('type', format_type(t.tenant_type, NULL), 'usual', format_type(u.tenant_type, NULL))::text AS facts
  FROM rows_of_many t, common u WHERE t.tenant_type <> u.tenant_type
UNION ALL
SELECT t.nspname::text, t.relname || '.' || t.tenant_name, 'the tenant column is called ' || quote_ident(t.tenant_name) || ' here, and ' || quote_ident(g->>'column') || ' elsewhere',
       jsonb_build_object('name', t.tenant_name, 'usual', g->>'column')::text
  FROM rows_of_many t, given WHERE t.tenant_name <> g->>'column'
UNION ALL
SELECT t.nspname::text, t.relname || '.' || a.attname, 'is this the tenant? Elsewhere the column is called ' || quote_ident(g->>'column'),
       jsonb_build_object('name', a.attname, 'usual', g->>'column')::text
  FROM tables t CROSS JOIN given
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attname IN ('tenant_id', 'organization_id', 'organisation_id', 'org_id', 'account_id', 'workspace_id', 'tenant', 'tenant_uuid', 'tenantid')
 WHERE t.kind <> 'tenant' AND g->>'column' IS NOT NULL AND a.attname <> g->>'column' AND NOT (g->>'ours')::bool
