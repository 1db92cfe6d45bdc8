-- Takes it all from PUBLIC. What monitoring needs stays with the monitoring role.
DO $do$
DECLARE
  open record;
BEGIN
  -- Only who owns the system catalog can take it back; elsewhere `cluster check` reports what stays open.
  IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) THEN
    EXECUTE pg_catalog.format('REVOKE ALL ON DATABASE %I FROM PUBLIC', pg_catalog.current_database());
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    RETURN;
  END IF;
  -- Whole lists at a time: a new tenant's database waits for this.
  FOR open IN
    SELECT s.kind, s.privilege, string_agg(s.object, ', ') AS objects,
           string_agg(s.object, ', ') FILTER (
             WHERE s.kind IN ('FUNCTION', 'TABLE') AND s.privilege IN ('EXECUTE', 'SELECT') AND s.object !~
             'advisory|cancel|terminate|reset|lo_|loread|lowrite|to_xml|notify|slot|logical') AS watched
      FROM tenancy.surface() s GROUP BY s.kind, s.privilege
  LOOP
    IF open.watched IS NOT NULL THEN
      EXECUTE pg_catalog.format('GRANT %s ON %s %s TO pg_monitor', open.privilege, open.kind, open.watched);
    END IF;
    EXECUTE pg_catalog.format('REVOKE %s ON %s %s FROM PUBLIC', open.privilege, open.kind, open.objects);
  END LOOP;
  -- psql's \d names the roles of a table's policies. Attributes and settings of roles stay hidden.
  GRANT SELECT (oid, rolname) ON pg_catalog.pg_roles TO PUBLIC;
END
$do$;
