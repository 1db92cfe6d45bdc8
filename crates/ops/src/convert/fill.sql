-- The tenant of a new row, from where the row leads to; a context, where there is one, comes first. It reads the parent as its
-- owner, whom no policy keeps out.
CREATE OR REPLACE FUNCTION tenancy_convert.{{function}}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF {{moved}} THEN
      NEW.{{column}} := {{value}};
    END IF;
  END IF;
  IF NEW.{{column}} IS NULL THEN
    NEW.{{column}} := coalesce({{context}}, {{value}});
  END IF;
  RETURN NEW;
END
$body$;
