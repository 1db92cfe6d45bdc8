-- Which server and schema the facts come from. Not part of the model's fingerprint.
SELECT json_build_object(
    'version', current_setting('server_version_num')::int,
    'schema', current_schema()
)::text
