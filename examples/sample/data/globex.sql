-- Globex's rows, sent through the gateway as the tenant's application would. No statement names a tenant.

INSERT INTO members (email, name, country) VALUES
    ('hank@globex.example.com', 'Hank Scorpio', 'US'),
    ('ines@globex.example.com', 'Ines Duarte', 'FR'),
    ('joji@globex.example.com', 'Joji Mori', 'JP');

UPDATE members SET invited_by = (SELECT id FROM members WHERE email = 'hank@globex.example.com')
WHERE email <> 'hank@globex.example.com';

INSERT INTO projects (id, slug, name, lead_id)
SELECT 3002, 'harbour', 'Harbour tunnel', id FROM members WHERE email = 'hank@globex.example.com';

INSERT INTO projects (slug, name) VALUES ('weather', 'Weather balloons');

INSERT INTO tasks (project_id, number, title, state, assignee_id, hours)
SELECT p.id, t.number, t.title, t.state::task_state, m.id, t.hours
FROM (VALUES
    ('harbour', 1, 'Survey the sea bed', 'done', 'ines@globex.example.com', 20),
    ('harbour', 2, 'Choose a drill', 'doing', 'hank@globex.example.com', 4),
    ('weather', 1, 'Inflate one', 'open', 'joji@globex.example.com', 2)
) AS t (slug, number, title, state, email, hours)
JOIN projects p USING (slug) JOIN members m USING (email);

INSERT INTO tasks (project_id, number, title, parent_id)
SELECT project_id, 3, 'Ask for three offers', tasks.id
FROM tasks JOIN projects ON projects.id = project_id WHERE slug = 'harbour' AND number = 2;

INSERT INTO labels (name) VALUES ('urgent'), ('someday');

INSERT INTO task_labels (task_id, label_id)
SELECT tasks.id, labels.id FROM tasks JOIN labels ON name = CASE state WHEN 'doing' THEN 'urgent' ELSE 'someday' END
WHERE state <> 'done';

INSERT INTO events (at, task_id, what)
SELECT '2026-03-01 09:00+00'::timestamptz + number * interval '1 day', id, 'created' FROM tasks;
