-- Collations of ICU, which not every server is built with.
CREATE COLLATION "Phone ""Book""" (provider = icu, locale = 'de-u-co-phonebk', deterministic = false);
CREATE COLLATION numeric (provider = icu, locale = 'en-u-kn-true');
CREATE DOMAIN insensitive AS text COLLATE "Phone ""Book""" CHECK (VALUE <> 'x');
CREATE TABLE sorted (id bigint PRIMARY KEY, name text COLLATE numeric UNIQUE, other insensitive, third text);
CREATE INDEX by_other ON sorted (other, third COLLATE numeric DESC, lower(third COLLATE "Phone ""Book"""));
COMMENT ON COLLATION numeric IS 'a2 before a10';
