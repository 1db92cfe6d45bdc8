-- The rows of the global table. The operator writes them, once in each database (a pool, a tenant's own); tenants read them.
INSERT INTO countries (code, name) VALUES
    ('DE', 'Germany'), ('FR', 'France'), ('JP', 'Japan'), ('KE', 'Kenya'), ('US', 'United States')
ON CONFLICT (code) DO NOTHING;
