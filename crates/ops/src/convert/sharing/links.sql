-- Rows of the table beside it were changed: the rows that they share get the scopes of those who are left. Each is locked
-- first and its members are read then, so that of two who change the members of one row the second counts the first's. The
-- application's triggers have nothing to do with this.
CREATE OR REPLACE FUNCTION tenancy_convert.scope_links_{{number}}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET session_replication_role = replica AS $body$
DECLARE
  members {{type}}[];
  scope bigint;
  shared record;
BEGIN
  FOR shared IN SELECT p.* FROM public.{{table}} p WHERE ({{old}}) OR ({{new}}) FOR NO KEY UPDATE LOOP
{{find}}
    IF scope IS DISTINCT FROM shared.scope_id THEN
      UPDATE public.{{table}} p SET scope_id = scope WHERE {{same}};
    END IF;
  END LOOP;
  RETURN NULL;
END
$body$;
