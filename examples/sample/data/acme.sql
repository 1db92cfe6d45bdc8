-- Acme Corp's rows, sent through the gateway as the tenant's application would. No statement names a tenant.

INSERT INTO members (email, name, country) VALUES
    ('ada@acme.example.com', 'Ada Quist', 'US'),
    ('ben@acme.example.com', 'Ben Okoro', 'KE'),
    ('cleo@acme.example.com', 'Cleo Marsh', 'US');

UPDATE members SET invited_by = (SELECT id FROM members WHERE email = 'ada@acme.example.com')
WHERE email <> 'ada@acme.example.com';

INSERT INTO projects (id, slug, name, lead_id)
SELECT 1002, 'anvils', 'Anvil line', id FROM members WHERE email = 'ada@acme.example.com';

INSERT INTO projects (slug, name) VALUES ('rockets', 'Rocket skates');

INSERT INTO tasks (project_id, number, title, state, assignee_id, hours)
SELECT p.id, t.number, t.title, t.state::task_state, m.id, t.hours
FROM (VALUES
    ('anvils', 1, 'Cast the first batch', 'done', 'ada@acme.example.com', 6.5),
    ('anvils', 2, 'Drop test from a cliff', 'doing', 'ben@acme.example.com', 3),
    ('rockets', 1, 'Longer fuse', 'open', 'cleo@acme.example.com', 1.25)
) AS t (slug, number, title, state, email, hours)
JOIN projects p USING (slug) JOIN members m USING (email);

INSERT INTO tasks (project_id, number, title, parent_id)
SELECT project_id, 3, 'Paint the landing mark', tasks.id
FROM tasks JOIN projects ON projects.id = project_id WHERE slug = 'anvils' AND number = 2;

INSERT INTO labels (name) VALUES ('urgent'), ('someday');

INSERT INTO task_labels (task_id, label_id)
SELECT tasks.id, labels.id FROM tasks JOIN labels ON name = CASE state WHEN 'doing' THEN 'urgent' ELSE 'someday' END
WHERE state <> 'done';

INSERT INTO events (at, task_id, what)
SELECT '2026-03-01 09:00+00'::timestamptz + number * interval '1 day', id, 'created' FROM tasks;
