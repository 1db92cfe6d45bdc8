, classes(class, message, pattern) AS (VALUES
  ('activity', 'see what other tenants'' sessions of the same role run', '^(pg_stat_get_activity|pg_stat_get_backend_|pg_stat_get_progress)'),
  ('signals', 'cancel and end other tenants'' sessions of the same role', '^(pg_cancel_backend|pg_terminate_backend)$'),
  ('locks', 'see and take the advisory locks of other tenants', '^(pg_lock_status|pg_blocking_pids|pg_(try_)?advisory_(xact_)?lock)'),
  ('large objects', 'read and delete large objects, which know no row-level security', '^(lo_|loread$|lowrite$)'),
  ('two-phase', 'see prepared transactions of other tenants', '^pg_prepared_xact$'),
  ('notifications', 'send notifications to every session of the database', '^pg_notify$'),
  ('hidden SQL', 'run SQL that stands in a text argument', '^((query|table|schema|cursor|database)_to_xml|ts_stat$)'),
  ('volumes', 'measure how much all tenants have and do', '^(pg_(total_)?relation_size|pg_table_size|pg_indexes_size|pg_database_size|pg_sequence_last_value|pg_stat_get_(live_tuples|tuples_|numscans))'),
  ('replication', 'export snapshots, or write into the log', '^(pg_export_snapshot|pg_logical_emit_message|pg_create_.*slot|pg_logical_slot)'),
  ('random numbers', 'make the next tenant''s random numbers predictable', '^setseed$'))
SELECT NULL::text AS schema, 'role ' || a.rolname AS place, 'it may ' || c.message AS message,
       'revoke them from PUBLIC and give them back to the roles that need them; Tenantry''s isolation core does' AS hint,
       jsonb_build_object('class', c.class, 'functions', count(*), 'examples', to_jsonb((array_agg(p.oid::regprocedure::text ORDER BY p.oid))[1:3]))::text AS facts,
       format('SELECT count(*) FROM pg_proc WHERE pronamespace = ''pg_catalog''::regnamespace AND proname ~ %L AND has_function_privilege(%L, oid, ''EXECUTE'')', c.pattern, a.rolname) AS proof,
       ARRAY[format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, %I', string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid), a.rolname)] AS fix
  FROM apps a CROSS JOIN classes c
  JOIN pg_proc p ON p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ c.pattern AND has_function_privilege(a.oid, p.oid, 'EXECUTE')
 WHERE NOT a.rolsuper AND EXISTS (SELECT FROM spaces WHERE model <> 'database') AND EXISTS (SELECT FROM tables WHERE kind = 'tenant')
 GROUP BY a.rolname, c.class, c.message, c.pattern
