-- A row was given another tenant: what has its tenant from it gets that one too.
CREATE OR REPLACE FUNCTION tenancy_convert.{{function}}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
{{updates}}
  RETURN NULL;
END
$body$;
