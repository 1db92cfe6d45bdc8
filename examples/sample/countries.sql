-- The rows of the global table. The operator writes them, in each place that holds a copy; tenants read them.
INSERT INTO countries (code, name) VALUES
    ('DE', 'Germany'), ('FR', 'France'), ('JP', 'Japan'), ('KE', 'Kenya'), ('US', 'United States')
ON CONFLICT (code) DO NOTHING;
