SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'it looks the tenant up in ' || coalesce(read.names, 'another table') || ' for every row' AS message,
       CASE WHEN read.open THEN 'the application may write there, and row-level security is off: it can make itself a member of any tenant'
            ELSE 'resolve the tenant once, when the connection is handed over; for scopes use = ANY (array)' END AS hint,
       CASE WHEN read.open THEN 'error' ELSE 'warning' END AS severity,
       jsonb_build_object('using', p.seen, 'check', p.checked, 'reads', read.names)::text AS facts
  FROM policies p
  LEFT JOIN LATERAL (
    SELECT string_agg(DISTINCT c.oid::regclass::text, ', ') AS names,
           coalesce(bool_or(NOT c.relrowsecurity AND EXISTS (SELECT FROM apps a WHERE has_table_privilege(a.oid, c.oid, 'INSERT, UPDATE'))), false) AS open
      FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid
     WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> p.table_oid) read ON true
 WHERE p.kind = 'tenant' AND concat(p.seen, p.checked) ~ 'SELECT .*\sFROM\s'
