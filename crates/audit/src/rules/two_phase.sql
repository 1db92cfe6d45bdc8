SELECT NULL::text AS schema, 'setting max_prepared_transactions' AS place, 'prepared transactions are possible: tenants of one role can end each other''s' AS message,
       'set max_prepared_transactions = 0 and restart' AS hint,
       jsonb_build_object('value', current_setting('max_prepared_transactions'), 'prepared', (SELECT count(*) FROM pg_prepared_xacts))::text AS facts
 WHERE current_setting('max_prepared_transactions')::int > 0
