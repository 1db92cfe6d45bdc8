SELECT t.nspname::text AS schema, t.relname::text AS place,
       'its rows belong to tenants through ' || coalesce(path.fk, 'their parents') || ', and it has no tenant column' AS message,
       CASE WHEN t.relrowsecurity THEN 'warning' ELSE 'error' END AS severity,
       'add the column, fill it along the reference (`via` in [tables]), and put it into keys and policies' AS hint,
       jsonb_build_object('reference', path.fk, 'row_security', t.relrowsecurity, 'rows', greatest(t.reltuples, 0)::bigint)::text AS facts
  FROM tables t
  LEFT JOIN LATERAL (SELECT k.conname || ' to ' || k.confrelid::regclass::text AS fk FROM pg_constraint k JOIN tables r ON r.oid = k.confrelid AND r.kind <> 'global'
                      WHERE k.conrelid = t.oid AND k.contype = 'f' ORDER BY k.conname LIMIT 1) path ON true
 WHERE t.kind = 'derived' AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.oid)
