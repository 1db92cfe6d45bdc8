-- Initech's rows, sent through the gateway as the tenant's application would. No statement names a tenant.

INSERT INTO members (email, name, country) VALUES
    ('peter@initech.example.com', 'Peter Gibb', 'US'),
    ('milt@initech.example.com', 'Milton Wadd', 'KE');

UPDATE members SET invited_by = (SELECT id FROM members WHERE email = 'peter@initech.example.com')
WHERE email <> 'peter@initech.example.com';

INSERT INTO projects (id, slug, name, lead_id)
SELECT 4002, 'tps', 'TPS reports', id FROM members WHERE email = 'peter@initech.example.com';

INSERT INTO projects (slug, name) VALUES ('y2k', 'Year 2000');

INSERT INTO tasks (project_id, number, title, state, assignee_id, hours)
SELECT p.id, t.number, t.title, t.state::task_state, m.id, t.hours
FROM (VALUES
    ('tps', 1, 'New cover sheet', 'done', 'peter@initech.example.com', 0.25),
    ('y2k', 1, 'Count the digits', 'doing', 'milt@initech.example.com', 31),
    ('y2k', 2, 'Find the stapler', 'open', 'milt@initech.example.com', 8)
) AS t (slug, number, title, state, email, hours)
JOIN projects p USING (slug) JOIN members m USING (email);

INSERT INTO tasks (project_id, number, title, parent_id)
SELECT project_id, 3, 'Look in the basement', tasks.id
FROM tasks JOIN projects ON projects.id = project_id WHERE slug = 'y2k' AND number = 2;

INSERT INTO labels (name) VALUES ('urgent'), ('someday');

INSERT INTO task_labels (task_id, label_id)
SELECT tasks.id, labels.id FROM tasks JOIN labels ON name = CASE state WHEN 'doing' THEN 'urgent' ELSE 'someday' END
WHERE state <> 'done';

INSERT INTO events (at, task_id, what)
SELECT '2026-03-01 09:00+00'::timestamptz + number * interval '1 day', id, 'created' FROM tasks;
