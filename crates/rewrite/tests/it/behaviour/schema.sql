-- What a single-tenant shop's developer writes: every construct whose behaviour could change when tables are shared.
CREATE TYPE status AS ENUM ('open', 'paid', 'sent', 'void');
CREATE DOMAIN quantity AS integer CHECK (VALUE BETWEEN 1 AND 99);

CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL UNIQUE);

CREATE TABLE customers (
    id integer PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text,
    country text REFERENCES countries,
    referrer integer REFERENCES customers ON DELETE SET NULL,
    credit numeric(10, 2) NOT NULL DEFAULT 0 CHECK (credit >= 0),
    UNIQUE NULLS NOT DISTINCT (name, country)
);
CREATE UNIQUE INDEX customers_lower ON customers (lower(email));

CREATE TABLE orders (
    id integer PRIMARY KEY,
    customer integer NOT NULL REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE,
    state status NOT NULL DEFAULT 'open',
    total numeric(10, 2) NOT NULL DEFAULT 0,
    doubled numeric GENERATED ALWAYS AS (total * 2) STORED,
    placed date NOT NULL DEFAULT '2026-01-01'
);
CREATE UNIQUE INDEX one_open ON orders (customer) WHERE state = 'open';
CREATE INDEX orders_placed ON orders (placed DESC, id);

CREATE TABLE items (
    "order" integer REFERENCES orders ON DELETE CASCADE,
    line integer,
    product text NOT NULL DEFAULT 'thing',
    amount quantity NOT NULL DEFAULT 1,
    price numeric(8, 2),
    PRIMARY KEY ("order", line)
);
CREATE TABLE shipments (
    id integer PRIMARY KEY,
    "order" integer,
    line integer,
    carrier text DEFAULT 'post',
    FOREIGN KEY ("order", line) REFERENCES items MATCH FULL ON DELETE SET NULL
);

CREATE TABLE places (id integer PRIMARY KEY, parent integer REFERENCES places ON DELETE CASCADE, name text, position integer,
    UNIQUE (parent, position) DEFERRABLE INITIALLY DEFERRED);

CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL, tags text[] NOT NULL DEFAULT '{}', extra jsonb);
CREATE INDEX notes_tags ON notes USING gin (tags);

CREATE TABLE log (what text, customer integer, at_line integer);

CREATE FUNCTION logged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log (what, customer) VALUES (TG_OP || ' ' || TG_TABLE_NAME, coalesce(NEW.customer, OLD.customer));
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER orders_logged AFTER INSERT OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION logged();

CREATE FUNCTION spent(who integer) RETURNS numeric LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT coalesce(sum(total), 0) FROM orders WHERE customer = who; END;

CREATE VIEW open_orders AS SELECT id, customer, total FROM orders WHERE state = 'open';
CREATE VIEW standing AS
    SELECT c.id, c.name, count(o.id) AS orders, coalesce(sum(o.total), 0) AS total
    FROM customers c LEFT JOIN orders o ON o.customer = c.id GROUP BY c.id, c.name;
CREATE VIEW numbered AS SELECT id AS nr, email FROM customers;
