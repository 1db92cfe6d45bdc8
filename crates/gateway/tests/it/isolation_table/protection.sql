-- What protects tenants in this database, and what the role $1 is and may: nothing that a tenant does may change it.
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
  SELECT 'role ' || concat_ws(' ', a.rolname, a.rolsuper, a.rolinherit, a.rolcreaterole, a.rolcreatedb, a.rolcanlogin,
           a.rolreplication, a.rolbypassrls, a.rolconnlimit, md5(a.rolpassword), a.rolvaliduntil, s.setconfig) AS line
    FROM pg_authid a LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid WHERE a.rolname = $1
  UNION ALL
  SELECT 'member ' || m.roleid::regrole || ' ' || m.member::regrole
    FROM pg_auth_members m WHERE $1 IN (m.roleid::regrole::text, m.member::regrole::text)
  UNION ALL
  SELECT 'table ' || concat_ws(' ', c.oid::regclass, c.relkind, c.relowner::regrole, c.relrowsecurity, c.relforcerowsecurity,
           c.relacl, obj_description(c.oid, 'pg_class'))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL
  SELECT 'policy ' || concat_ws(' ', p.polrelid::regclass, p.polname, p.polpermissive, p.polcmd, p.polroles,
           pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p
  UNION ALL
  SELECT 'schema ' || concat_ws(' ', n.nspname, n.nspowner::regrole, n.nspacl)
    FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\_%'
  UNION ALL
  SELECT 'function ' || concat_ws(' ', p.oid::regprocedure, p.proacl, md5(p.prosrc))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 'trigger ' || t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'rule ' || r.rulename FROM pg_rewrite r WHERE r.rulename <> '_RETURN' AND r.oid >= 16384
  UNION ALL
  SELECT 'default ' || concat_ws(' ', d.defaclrole::regrole, d.defaclobjtype, d.defaclacl) FROM pg_default_acl d
  UNION ALL
  SELECT 'large object ' || l.oid FROM pg_largeobject_metadata l
  UNION ALL
  SELECT 'publication ' || p.pubname FROM pg_publication p
  UNION ALL
  SELECT 'prepared ' || x.gid FROM pg_prepared_xacts x WHERE x.database = current_database()
  UNION ALL
  SELECT 'settings ' || s.setconfig::text FROM pg_db_role_setting s
   WHERE s.setdatabase = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
) lines
