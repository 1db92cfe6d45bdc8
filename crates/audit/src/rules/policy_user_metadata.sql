SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'it trusts user_metadata, which users write themselves' AS message,
       'read from app_metadata, or look the membership up on the server' AS hint,
       jsonb_build_object('using', p.seen, 'check', p.checked)::text AS facts
  FROM policies p WHERE concat(p.seen, ' ', p.checked) ~ '(user_metadata|raw_user_meta_data)'
