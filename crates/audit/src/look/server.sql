-- What the server and the database are.
SELECT current_database()::text, current_setting('server_version'), current_setting('server_version_num')::int,
       current_setting('is_superuser') = 'on' OR (SELECT r.rolbypassrls FROM pg_roles r WHERE r.rolname = current_user),
       to_regclass('tenancy.core') IS NOT NULL AND to_regclass('tenancy.gate') IS NOT NULL
