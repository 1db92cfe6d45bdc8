SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       CASE WHEN x.text ~ 'current_setting\(''[^'']+''::text\)' THEN 'it raises an error where the setting was never made'
            ELSE 'it raises an error where the setting is empty, as it is after RESET and DISCARD ALL' END AS message,
       'write nullif(current_setting(''…'', true), '''')::' || coalesce((SELECT format_type(t.tenant_type, NULL) FROM tables t WHERE t.oid = p.table_oid), 'type') AS hint,
       jsonb_build_object('using', p.seen, 'check', p.checked)::text AS facts
  FROM policies p CROSS JOIN LATERAL (SELECT concat(p.seen, ' ', p.checked) AS text) x
 WHERE p.kind = 'tenant'
   AND (x.text ~ 'current_setting\(''[^'']+''::text\)'
     OR (x.text ~ '\(current_setting\([^)]*\)\)::(bigint|integer|uuid|smallint|numeric)' AND x.text !~* 'nullif'))
