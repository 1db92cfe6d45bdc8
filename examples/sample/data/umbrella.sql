-- Umbrella Health's rows, sent through the gateway as the tenant's application would. No statement names a tenant.

INSERT INTO members (email, name, country) VALUES
    ('uma@umbrella.example.com', 'Uma Fisk', 'DE'),
    ('vera@umbrella.example.com', 'Vera Lindt', 'FR');

UPDATE members SET invited_by = (SELECT id FROM members WHERE email = 'uma@umbrella.example.com')
WHERE email <> 'uma@umbrella.example.com';

INSERT INTO projects (id, slug, name, lead_id)
SELECT 2002, 'trials', 'Clinical trials', id FROM members WHERE email = 'uma@umbrella.example.com';

INSERT INTO tasks (project_id, number, title, state, assignee_id, hours)
SELECT p.id, t.number, t.title, t.state::task_state, m.id, t.hours
FROM (VALUES
    ('trials', 1, 'Recruit volunteers', 'doing', 'uma@umbrella.example.com', 12),
    ('trials', 2, 'Lock the cellar door', 'open', 'vera@umbrella.example.com', 0.5)
) AS t (slug, number, title, state, email, hours)
JOIN projects p USING (slug) JOIN members m USING (email);

INSERT INTO tasks (project_id, number, title, parent_id)
SELECT project_id, 3, 'Order a second lock', tasks.id
FROM tasks JOIN projects ON projects.id = project_id WHERE slug = 'trials' AND number = 2;

INSERT INTO labels (name) VALUES ('urgent'), ('someday');

INSERT INTO task_labels (task_id, label_id)
SELECT tasks.id, labels.id FROM tasks JOIN labels ON name = CASE state WHEN 'doing' THEN 'urgent' ELSE 'someday' END
WHERE state <> 'done';

INSERT INTO events (at, task_id, what)
SELECT '2026-03-01 09:00+00'::timestamptz + number * interval '1 day', id, 'created' FROM tasks;
