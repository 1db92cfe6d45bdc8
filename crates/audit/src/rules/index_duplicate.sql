SELECT t.nspname::text AS schema, format('index %s on %s', ic.relname, t.relname) AS place,
       CASE WHEN i.indkey::text = j.indkey::text THEN 'it is the same as ' ELSE 'it is the beginning of ' END || j.indexrelid::regclass::text AS message,
       jsonb_build_object('bytes', pg_relation_size(i.indexrelid), 'scans', pg_stat_get_numscans(i.indexrelid))::text AS facts,
       ARRAY[format('DROP INDEX CONCURRENTLY %s', i.indexrelid::regclass)] AS fix
  FROM tables t JOIN pg_index i ON i.indrelid = t.oid AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT i.indisprimary
  JOIN pg_class ic ON ic.oid = i.indexrelid AND NOT ic.relispartition AND ic.relkind = 'i'
  JOIN pg_am m ON m.oid = ic.relam AND m.amname = 'btree'
  JOIN LATERAL (SELECT j.* FROM pg_index j JOIN pg_class jc ON jc.oid = j.indexrelid AND jc.relam = ic.relam
                 WHERE j.indrelid = i.indrelid AND j.indexrelid <> i.indexrelid AND j.indpred IS NULL AND j.indexprs IS NULL AND j.indisvalid
                   AND j.indnkeyatts >= i.indnkeyatts AND i.indnatts = i.indnkeyatts
                   AND (j.indkey::int2[])[0:i.indnkeyatts - 1] = (i.indkey::int2[])[0:i.indnkeyatts - 1]
                   AND (j.indclass::oid[])[0:i.indnkeyatts - 1] = (i.indclass::oid[])[0:i.indnkeyatts - 1]
                   AND (j.indcollation::oid[])[0:i.indnkeyatts - 1] = (i.indcollation::oid[])[0:i.indnkeyatts - 1]
                   AND (j.indoption::int2[])[0:i.indnkeyatts - 1] = (i.indoption::int2[])[0:i.indnkeyatts - 1]
                   AND (j.indnkeyatts > i.indnkeyatts OR j.indisprimary OR j.indisunique AND NOT i.indisunique OR j.indexrelid < i.indexrelid)
                 ORDER BY j.indexrelid LIMIT 1) j ON true
 WHERE NOT i.indisunique AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
   AND NOT (SELECT (g->>'ours')::bool FROM given)
