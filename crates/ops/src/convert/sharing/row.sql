-- The scope of a row of the scoped table, when the row is written. A context, where there is one, has given it already.
CREATE OR REPLACE FUNCTION tenancy_convert.scope_row_{{number}}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  members {{type}}[];
  scope bigint;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF {{changed}} THEN
      NEW.scope_id := NULL;
    END IF;
  END IF;
  IF NEW.scope_id IS NULL THEN
{{find}}
    NEW.scope_id := scope;
  END IF;
  RETURN NEW;
END
$body$;
