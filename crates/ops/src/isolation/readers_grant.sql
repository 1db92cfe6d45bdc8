-- Lets the reader see what the application's role may see, of objects that were there before it.
DO $do$
DECLARE
  one text;
BEGIN
  FOR one IN SELECT * FROM tenancy.reader_grants({{login_name}}, {{reader_name}}) LOOP
    EXECUTE one;
  END LOOP;
END
$do$;
