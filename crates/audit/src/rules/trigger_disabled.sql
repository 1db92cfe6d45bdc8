SELECT r.nspname::text AS schema, r.relname::text AS place, count(*) || ' of its triggers are disabled' || CASE WHEN bool_or(t.tgisinternal) THEN ', so foreign keys are not checked' ELSE '' END AS message,
       CASE WHEN bool_or(t.tgisinternal) THEN 'error' ELSE 'note' END AS severity,
       jsonb_build_object('disabled', count(*), 'of_foreign_keys', count(*) FILTER (WHERE t.tgisinternal))::text AS facts,
       ARRAY[format('ALTER TABLE %s ENABLE TRIGGER ALL', r.ident)] AS fix
  FROM tables r JOIN pg_trigger t ON t.tgrelid = r.oid AND t.tgenabled = 'D' GROUP BY r.nspname, r.relname, r.ident
