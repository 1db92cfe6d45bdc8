-- A small project tracker, as the developer of a single-tenant application writes it: no tenant anywhere.

CREATE TYPE invoice_status AS ENUM ('draft', 'sent', 'paid', 'void');

CREATE DOMAIN email AS text CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');

-- What every customer sees alike.
CREATE TABLE countries (
    code text PRIMARY KEY CHECK (length(code) = 2),
    name text NOT NULL UNIQUE
);

CREATE TABLE plans (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    price numeric(10, 2) NOT NULL CHECK (price >= 0)
);

CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    country text REFERENCES countries,
    plan_id bigint NOT NULL REFERENCES plans,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    email email NOT NULL UNIQUE,
    name text NOT NULL,
    api_token uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE
);
CREATE INDEX users_name ON users (lower(name));

CREATE TABLE projects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id bigint REFERENCES users ON DELETE SET NULL,
    name text NOT NULL UNIQUE,
    settings jsonb NOT NULL DEFAULT '{}',
    archived boolean NOT NULL DEFAULT false
);
CREATE INDEX projects_settings ON projects USING gin (settings);

CREATE TABLE tasks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
    parent_id bigint REFERENCES tasks ON DELETE CASCADE,
    assignee_id bigint REFERENCES users ON DELETE SET NULL,
    title text NOT NULL,
    slug text GENERATED ALWAYS AS (lower(replace(title, ' ', '-'))) STORED,
    position integer NOT NULL DEFAULT 0,
    done_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, position) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX tasks_open ON tasks (assignee_id, updated_at DESC) WHERE done_at IS NULL;
CREATE UNIQUE INDEX tasks_slug ON tasks (project_id, slug) WHERE done_at IS NULL;
COMMENT ON TABLE tasks IS 'What there is to do.';

CREATE TABLE comments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
    author_id bigint REFERENCES users ON DELETE SET NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comments_task ON comments (task_id, created_at) INCLUDE (author_id);

CREATE TABLE labels (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE task_labels (
    task_id bigint REFERENCES tasks ON DELETE CASCADE,
    label_id bigint REFERENCES labels ON DELETE CASCADE,
    PRIMARY KEY (task_id, label_id)
);

CREATE TABLE invoices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    number text NOT NULL UNIQUE,
    status invoice_status NOT NULL DEFAULT 'draft',
    amount numeric(12, 2) NOT NULL CHECK (amount >= 0),
    issued_on date
);

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    task_id bigint REFERENCES tasks ON DELETE CASCADE,
    kind text NOT NULL,
    payload jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2027-01-01 00:00+00');
CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2028-01-01 00:00+00');
CREATE INDEX events_by_task ON events (task_id, created_at DESC);

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE TRIGGER tasks_touch BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION touch();

CREATE FUNCTION open_tasks(project bigint) RETURNS bigint LANGUAGE sql STABLE
    RETURN (SELECT count(*) FROM tasks WHERE project_id = project AND done_at IS NULL);

CREATE VIEW project_progress AS
    SELECT p.id, p.name, count(t.id) AS tasks, count(t.done_at) AS done
    FROM projects p
    LEFT JOIN tasks t ON t.project_id = p.id
    GROUP BY p.id, p.name;
