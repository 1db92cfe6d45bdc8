use super::{changes, global_id, refused, rewriter, rewritten, stays};
use crate::Star;

#[test]
fn conflict_targets_are_led_by_the_tenant() {
    changes(&[
        (
            "INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING",
            "INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (tenant_id, email) DO NOTHING",
        ),
        (
            "insert into users as u (id, email) values (1, 'a') on conflict ( id ) do update set email = excluded.email where u.id > 0",
            "insert into users as u (id, email) values (1, 'a') on conflict (tenant_id,  id ) do update set email = excluded.email where u.id > 0",
        ),
        (
            "INSERT INTO users (id) VALUES (1) ON CONFLICT (lower(email)) WHERE name IS NOT NULL DO NOTHING",
            "INSERT INTO users (id) VALUES (1) ON CONFLICT (tenant_id, lower(email)) WHERE name IS NOT NULL DO NOTHING",
        ),
        (
            "WITH a AS (INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO NOTHING RETURNING id) SELECT id FROM a",
            "WITH a AS (INSERT INTO users (id) VALUES (1) ON CONFLICT (tenant_id, id) DO NOTHING RETURNING id) SELECT id FROM a",
        ),
        (
            "EXPLAIN (ANALYZE) INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO NOTHING",
            "EXPLAIN (ANALYZE) INSERT INTO users (id) VALUES (1) ON CONFLICT (tenant_id, id) DO NOTHING",
        ),
        (
            "PREPARE p (int) AS INSERT INTO users (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
            "PREPARE p (int) AS INSERT INTO users (id) VALUES ($1) ON CONFLICT (tenant_id, id) DO NOTHING",
        ),
        (
            "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO NOTHING; SELECT 1; END",
            "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC INSERT INTO users (id) VALUES (1) ON CONFLICT (tenant_id, id) DO NOTHING; SELECT 1; END",
        ),
        (
            "/* a */ INSERT INTO public.users (id) VALUES (1) /* b */ ON CONFLICT (id) DO NOTHING; SELECT 1 -- c",
            "/* a */ INSERT INTO public.users (id) VALUES (1) /* b */ ON CONFLICT (tenant_id, id) DO NOTHING; SELECT 1 -- c",
        ),
    ]);
    stays(&[
        "INSERT INTO users (id) VALUES (1) ON CONFLICT DO NOTHING",
        "INSERT INTO users (id) VALUES (1) ON CONFLICT ON CONSTRAINT users_pkey DO NOTHING",
        "INSERT INTO users (id, token) VALUES (1, 'x') ON CONFLICT (token) DO NOTHING",
        "INSERT INTO users (id) VALUES (1) ON CONFLICT (tenant_id, id) DO NOTHING",
        "INSERT INTO countries VALUES ('a') ON CONFLICT (code) DO NOTHING",
        "INSERT INTO elsewhere.users (id) VALUES (1) ON CONFLICT (id) DO NOTHING",
        "INSERT INTO unknown (id) VALUES (1) ON CONFLICT (id) DO NOTHING",
    ]);
}

#[test]
fn a_globally_unique_primary_key_stays_the_conflict_target() {
    let rewriter = global_id().rewriter;
    let by_id = "INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO NOTHING";
    assert_eq!(rewritten(&rewriter, by_id), None);
    let by_email = "INSERT INTO users (id) VALUES (1) ON CONFLICT (email) DO NOTHING";
    assert!(rewritten(&rewriter, by_email).unwrap().contains("(tenant_id, email)"));
}

#[test]
fn inserts_without_a_list_get_one() {
    changes(&[
        ("INSERT INTO users VALUES (1, 'a')", "INSERT INTO users (id, email) VALUES (1, 'a')"),
        (
            "INSERT INTO users AS u VALUES (1, 'a', NULL, 't'), (2, 'b', NULL, 'u')",
            "INSERT INTO users AS u (id, email, name, token) VALUES (1, 'a', NULL, 't'), (2, 'b', NULL, 'u')",
        ),
        (
            "INSERT INTO users SELECT * FROM users",
            "INSERT INTO users (id, email, name, token) SELECT id, email, name, token FROM users",
        ),
        (
            "INSERT INTO users SELECT id, email FROM users UNION ALL SELECT 1, 'x'",
            "INSERT INTO users (id, email) SELECT id, email FROM users UNION ALL SELECT 1, 'x'",
        ),
        (
            "INSERT INTO users OVERRIDING SYSTEM VALUE VALUES (1)",
            "INSERT INTO users (id) OVERRIDING SYSTEM VALUE VALUES (1)",
        ),
        (
            "INSERT INTO users SELECT * FROM json_populate_record(NULL::users, '{}')",
            "INSERT INTO users (id, email, name, token) SELECT id, email, name, token FROM json_populate_record(NULL::users, '{}')",
        ),
        (
            "MERGE INTO users u USING orders o ON u.id = o.user_id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (o.user_id, 'x')",
            "MERGE INTO users u USING orders o ON u.id = o.user_id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, email) VALUES (o.user_id, 'x')",
        ),
    ]);
    stays(&[
        "INSERT INTO users DEFAULT VALUES",
        "INSERT INTO users (id) VALUES (1)",
        "INSERT INTO countries VALUES ('a', 'b')",
        "INSERT INTO countries SELECT code, name FROM countries",
        "INSERT INTO users SELECT * FROM somewhere()",
    ]);
}

#[test]
fn copy_gets_a_list() {
    changes(&[
        ("COPY users FROM STDIN", "COPY users (id, email, name, token) FROM STDIN"),
        (
            "COPY public.orders TO STDOUT (FORMAT csv)",
            "COPY public.orders (id, user_id, total) TO STDOUT (FORMAT csv)",
        ),
        ("COPY (SELECT * FROM users) TO STDOUT", "COPY (SELECT id, email, name, token FROM users) TO STDOUT"),
    ]);
    stays(&["COPY users (id) FROM STDIN", "COPY countries FROM STDIN", "COPY (SELECT 1) TO STDOUT"]);
}

#[test]
fn stars_show_what_the_plain_table_has() {
    changes(&[
        ("SELECT * FROM users", "SELECT id, email, name, token FROM users"),
        (
            "SELECT 1, * FROM users u WHERE id = $1",
            "SELECT 1, id, email, name, token FROM users u WHERE id = $1",
        ),
        ("SELECT u.*, 2 FROM users u", "SELECT u.id, u.email, u.name, u.token, 2 FROM users u"),
        (
            "SELECT public.users.* FROM users",
            "SELECT users.id, users.email, users.name, users.token FROM users",
        ),
        ("TABLE users", "SELECT id, email, name, token FROM users"),
        (
            "SELECT * FROM users, countries c",
            "SELECT users.id, users.email, users.name, users.token, c.* FROM users, countries c",
        ),
        (
            "SELECT * FROM countries c JOIN users u ON u.name = c.name",
            "SELECT c.*, u.id, u.email, u.name, u.token FROM countries c JOIN users u ON u.name = c.name",
        ),
        (
            "SELECT * FROM users JOIN orders USING (id)",
            "SELECT id, users.email, users.name, users.token, orders.user_id, orders.total, orders.double FROM users JOIN orders USING (id)",
        ),
        (
            "SELECT * FROM users NATURAL JOIN countries",
            "SELECT name, users.id, users.email, users.token, countries.code FROM users NATURAL JOIN countries",
        ),
        (
            "UPDATE users SET name = 'x' RETURNING *",
            "UPDATE users SET name = 'x' RETURNING id, email, name, token",
        ),
        ("DELETE FROM users u RETURNING u.*", "DELETE FROM users u RETURNING u.id, u.email, u.name, u.token"),
        (
            "INSERT INTO users (id) VALUES (1) RETURNING *, old.*",
            "INSERT INTO users (id) VALUES (1) RETURNING id, email, name, token, old.id, old.email, old.name, old.token",
        ),
        (
            "SELECT * FROM (SELECT * FROM users) x",
            "SELECT * FROM (SELECT id, email, name, token FROM users) x",
        ),
        (
            "SELECT id IN (SELECT * FROM (TABLE users) t) FROM orders",
            "SELECT id IN (SELECT * FROM (SELECT id, email, name, token FROM users) t) FROM orders",
        ),
        (
            "SELECT (SELECT u.* FROM countries) FROM users u",
            "SELECT (SELECT u.id, u.email, u.name, u.token FROM countries) FROM users u",
        ),
        (
            "DECLARE c CURSOR FOR SELECT * FROM users",
            "DECLARE c CURSOR FOR SELECT id, email, name, token FROM users",
        ),
    ]);
    stays(&[
        "SELECT count(*) FROM users",
        "SELECT id FROM users WHERE EXISTS (SELECT * FROM orders)",
        "WITH users AS (SELECT 1) SELECT * FROM users",
        "SELECT * FROM countries",
        "SELECT * FROM elsewhere.users",
        "SELECT 2 * 3",
    ]);
    let kept = rewriter().with_star(Star::Keep);
    assert_eq!(rewritten(&kept, "SELECT * FROM users"), None);
    assert_eq!(rewritten(&kept, "INSERT INTO users (id) VALUES (1) RETURNING *"), None);
}

#[test]
fn a_grouped_key_brings_the_tenant_along() {
    changes(&[
        (
            "SELECT u.id, u.name, count(o.id) FROM users u JOIN orders o ON o.user_id = u.id GROUP BY u.id",
            "SELECT u.id, u.name, count(o.id) FROM users u JOIN orders o ON o.user_id = u.id GROUP BY u.tenant_id, u.id",
        ),
        ("SELECT id, name FROM users GROUP BY id", "SELECT id, name FROM users GROUP BY users.tenant_id, id"),
        ("SELECT id, name FROM users GROUP BY 1", "SELECT id, name FROM users GROUP BY users.tenant_id, 1"),
    ]);
    stays(&[
        "SELECT id FROM users GROUP BY id",
        "SELECT id, sum(length(email)) FILTER (WHERE name > 'a') FROM users GROUP BY id",
        "SELECT name FROM users GROUP BY name",
        "SELECT id, name FROM users GROUP BY id, tenant_id",
        "SELECT code, name FROM countries GROUP BY code",
        "SELECT id, name FROM users GROUP BY ROLLUP (id, name)",
    ]);
    let global = global_id().rewriter;
    assert_eq!(rewritten(&global, "SELECT id, name FROM users GROUP BY id"), None);
}

#[test]
fn truncate_deletes_the_tenants_rows_or_is_refused() {
    changes(&[
        ("TRUNCATE orders", "DELETE FROM orders"),
        ("TRUNCATE TABLE users, orders;", "WITH tenantry_0 AS (DELETE FROM users) DELETE FROM orders;"),
        ("TRUNCATE ONLY orders CASCADE", "DELETE FROM orders"),
    ]);
    stays(&["TRUNCATE countries", "TRUNCATE unknown"]);
    let rewriter = rewriter();
    for (sql, reason) in [
        ("TRUNCATE users", "orders refers to users"),
        ("TRUNCATE users CASCADE", "CASCADE would empty it too"),
        ("TRUNCATE orders RESTART IDENTITY", "sequences that all tenants share"),
        ("TRUNCATE orders, countries", "together with others"),
    ] {
        let refusal = rewriter.rewrite(sql).unwrap_err();
        assert!(refusal.message.contains(reason), "{sql}: {refusal}");
        assert!(refusal.hint.is_some());
    }
    assert!(refused("TRUNCATE orders").message.contains("TRUNCATE"));
}

#[test]
fn what_is_not_sql_is_left_to_the_server() {
    stays(&[
        "",
        ";",
        "INSERT",
        "SELECT * FROM",
        "INSERT INTO users VALUES (1",
        "\\copy users FROM x",
        "SELECT * FROM users\0",
    ]);
}

#[test]
fn nesting_without_end_is_an_error_and_no_crash() {
    let rewriter = rewriter();
    let deep = |text: &str, times: usize| text.repeat(times);
    let texts = [
        format!("SELECT * FROM users WHERE id = {}1{}", deep("(", 100_000), deep(")", 100_000)),
        format!("SELECT *, {}1 FROM users", deep("1+", 100_000)),
        format!("INSERT INTO users VALUES ({}1) ON CONFLICT (id) DO NOTHING", deep("1+", 100_000)),
        format!("SELECT * FROM users {}", deep("UNION ALL SELECT * FROM users ", 20_000)),
        format!("{}SELECT * FROM users{}", deep("SELECT * FROM (", 9_000), deep(") a", 9_000)),
        format!("SELECT * FROM users WHERE {} true", deep("NOT ", 9_000)),
        format!("SELECT * FROM {}users", deep("users CROSS JOIN ", 50_000)),
    ];
    let outcome = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(move || {
            for text in &texts {
                match rewriter.rewrite(text) {
                    Ok(kept) => assert_eq!(kept.sql(), text),
                    Err(refusal) => assert!(refusal.message.contains("deeply"), "{refusal}"),
                }
            }
        })
        .unwrap()
        .join();
    assert!(outcome.is_ok());
}

#[test]
fn what_is_as_deep_as_allowed_is_rewritten_on_a_small_stack() {
    let rewriter = rewriter();
    let text = format!("SELECT *, {}1 FROM users", "1+".repeat(crate::parse::DEEPEST - 20));
    let union = format!("SELECT * FROM users {}", "UNION ALL SELECT * FROM users ".repeat(400));
    let nested = format!("{}SELECT * FROM users{}", "SELECT * FROM (".repeat(100), ") a".repeat(100));
    let outcome = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || [text, union, nested].iter().all(|text| rewritten(&rewriter, text).is_some()))
        .unwrap()
        .join();
    assert!(outcome.unwrap());
}

#[test]
fn a_star_without_spaces_around_it() {
    changes(&[
        ("SELECT*FROM users", "SELECT id, email, name, token FROM users"),
        ("SELECT* FROM users WHERE id=1", "SELECT id, email, name, token FROM users WHERE id=1"),
        ("SELECT u.*FROM users u", "SELECT u.id, u.email, u.name, u.token FROM users u"),
        ("DELETE FROM users RETURNING*", "DELETE FROM users RETURNING id, email, name, token"),
    ]);
}

#[test]
fn keys_of_scoped_and_partitioned_tables_lead_conflict_targets() {
    let declared = toml::from_str("[tables]\nproducts = \"scoped\"").unwrap();
    let schema = "CREATE TABLE products (id bigint PRIMARY KEY, sku text UNIQUE);
        CREATE TABLE events (id bigint, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE events_26 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')";
    let rewriter = super::script_of(schema, &declared, tenantry_core::TenancyModel::Shared).rewriter;
    let by_sku = "INSERT INTO products (id, sku) VALUES (1, 'a') ON CONFLICT (sku) DO NOTHING";
    assert_eq!(
        rewritten(&rewriter, by_sku).as_deref(),
        Some("INSERT INTO products (id, sku) VALUES (1, 'a') ON CONFLICT (scope_id, sku) DO NOTHING")
    );
    for table in ["events", "events_26"] {
        let sql = format!("INSERT INTO {table} VALUES (1, '2026-01-01') ON CONFLICT (id, at) DO NOTHING");
        let wanted = format!(
            "INSERT INTO {table} (id, at) VALUES (1, '2026-01-01') ON CONFLICT (tenant_id, id, at) DO NOTHING"
        );
        assert_eq!(rewritten(&rewriter, &sql), Some(wanted));
    }
}

#[test]
fn common_table_expressions_hide_tables_where_they_are_in_sight() {
    changes(&[
        (
            "WITH users AS (SELECT * FROM users) SELECT * FROM users",
            "WITH users AS (SELECT id, email, name, token FROM users) SELECT * FROM users",
        ),
        (
            "SELECT * FROM (WITH users AS (SELECT 1) SELECT * FROM users) a, users",
            "SELECT a.*, users.id, users.email, users.name, users.token FROM (WITH users AS (SELECT 1) SELECT * FROM users) a, users",
        ),
        (
            "WITH users AS (SELECT 1) SELECT * FROM public.users",
            "WITH users AS (SELECT 1) SELECT id, email, name, token FROM public.users",
        ),
        (
            "WITH users AS (SELECT 1) INSERT INTO users VALUES (1) RETURNING *",
            "WITH users AS (SELECT 1) INSERT INTO users (id) VALUES (1) RETURNING id, email, name, token",
        ),
    ]);
    stays(&["WITH RECURSIVE users AS (SELECT 1 UNION SELECT * FROM users) SELECT * FROM users"]);
}

/// What stands for a whole row of `users` under a name.
fn row(name: &str) -> String {
    let columns = ["id", "email", "name", "token"].map(|column| format!("{name}.{column}")).join(", ");
    format!("(SELECT {name} FROM (SELECT {columns} WHERE {name}.tenant_id IS NOT NULL) {name})")
}

#[test]
fn whole_rows_are_rows_of_the_plain_table() {
    let rewriter = rewriter();
    // In each, `@` stands for the whole row of `u`, as it is written and as it becomes.
    for sql in [
        "SELECT row_to_json(@) FROM users u",
        "SELECT @ FROM users u",
        "SELECT u.id, @::text FROM users AS u WHERE @ IS NOT NULL",
        "SELECT json_agg(@ ORDER BY u.id) FILTER (WHERE @ IS NULL) FROM users u",
        "SELECT to_jsonb(@) - 'id' FROM users u ORDER BY @, concat(@, 1)",
        "SELECT o.id, (SELECT to_json(@)) FROM users u JOIN orders o ON pg_catalog.to_json(@) IS NOT NULL",
        "UPDATE users u SET name = CAST(@ AS varchar) WHERE @ IS NOT NULL RETURNING to_jsonb(@)",
        "DELETE FROM users u USING orders o WHERE o.user_id = u.id RETURNING row_to_json(@)",
        "SELECT ROW(@, 1), @ = ANY (ARRAY[@]) FROM users u",
        "SELECT x FROM users u, LATERAL (SELECT to_json(@) AS x) l",
        "MERGE INTO orders USING users u ON user_id = u.id AND @ IS NOT NULL WHEN MATCHED THEN UPDATE SET total = length(@::text)",
    ] {
        let written = sql.replace('@', "u");
        assert_eq!(rewritten(&rewriter, &written), Some(sql.replace('@', &row("u"))), "{written}");
    }
    changes(&[
        ("SELECT row_to_json(u.*) FROM users u", &format!("SELECT row_to_json({}) FROM users u", row("u"))),
        ("SELECT users FROM users", &format!("SELECT {} FROM users", row("users"))),
        ("SELECT ROW(1, u.*) FROM users u", "SELECT ROW(1, u.id, u.email, u.name, u.token) FROM users u"),
        (
            "SELECT (u.*, 1) = (o.*) FROM users u, countries o",
            "SELECT (u.id, u.email, u.name, u.token, 1) = (o.*) FROM users u, countries o",
        ),
        ("SELECT (u).* FROM users u", "SELECT u.id, u.email, u.name, u.token FROM users u"),
        (
            "SELECT 1, ((u)) . *, o.id FROM users u, orders o",
            "SELECT 1, u.id, u.email, u.name, u.token, o.id FROM users u, orders o",
        ),
        (
            "UPDATE users SET name = 'x' RETURNING row_to_json(old)",
            &format!("UPDATE users SET name = 'x' RETURNING row_to_json({})", row("old")),
        ),
        (
            "INSERT INTO users (id) VALUES (1) ON CONFLICT (token) DO UPDATE SET name = excluded::text",
            &format!(
                "INSERT INTO users (id) VALUES (1) ON CONFLICT (token) DO UPDATE SET name = {}::text",
                row("excluded")
            ),
        ),
    ]);
    stays(&[
        "SELECT count(u), mine(u), mine(x => u), num_nulls(u) FROM users u",
        "SELECT (u).name, u.name, u::users FROM users u",
        "SELECT name, row_to_json(name) FROM users name",
        "SELECT to_json(c) FROM countries c",
        "SELECT id AS u FROM users u ORDER BY u",
        "SELECT id AS u FROM users u GROUP BY u",
        "SELECT id AS u FROM users UNION SELECT id FROM users u ORDER BY u",
        "SELECT to_json(u) FROM users u, unknown_to_us",
        "SELECT to_json(u) FROM (SELECT 1 AS a) u, users",
        "WITH users AS (SELECT 1) SELECT to_json(users) FROM users",
        "SELECT elsewhere.to_json(u) FROM users u",
    ]);
    let kept = rewriter.with_star(Star::Keep);
    assert_eq!(super::rewritten(&kept, "SELECT to_json(u), ROW(u.*), (u).* FROM users u"), None);
}

#[test]
fn columns_that_are_named_by_their_place_are_those_of_the_plain_table() {
    changes(&[
        (
            "SELECT x.a, d FROM users AS x (a, b, c, d)",
            "SELECT x.a, d FROM (SELECT id, email, name, token FROM users) AS x (a, b, c, d)",
        ),
        (
            "SELECT * FROM ONLY public.users x(a) JOIN orders o ON o.user_id = a",
            "SELECT x.*, o.id, o.user_id, o.total, o.double FROM (SELECT id, email, name, token FROM ONLY public.users) x(a) JOIN orders o ON o.user_id = a",
        ),
    ]);
    stays(&["SELECT a FROM countries x (a)", "WITH users AS (SELECT 1) SELECT a FROM users x (a)"]);
}

fn with_views() -> crate::Rewriter {
    let schema = format!(
        "{};
        CREATE VIEW people AS SELECT id, email, name FROM users WHERE name <> '';
        CREATE VIEW named (nr, name) AS SELECT id, name FROM users;
        CREATE VIEW checked AS SELECT id, email FROM users WITH CHECK OPTION;
        CREATE VIEW all_of AS SELECT * FROM people NATURAL JOIN named;
        CREATE FUNCTION found() RETURNS SETOF users LANGUAGE sql AS 'SELECT * FROM users';
        CREATE FUNCTION either(int) RETURNS SETOF users LANGUAGE sql AS 'SELECT * FROM users';
        CREATE FUNCTION either(text) RETURNS SETOF orders LANGUAGE sql AS 'SELECT * FROM orders';
        ALTER VIEW named RENAME COLUMN nr TO number",
        super::SCHEMA
    );
    super::script_of(&schema, &super::declaration(""), tenantry_core::TenancyModel::Shared).rewriter
}

#[test]
fn views_and_functions_are_known_by_what_they_show() {
    let rewriter = with_views();
    for (sql, wanted) in [
        (
            "SELECT * FROM users JOIN named n USING (name)",
            "SELECT name, users.id, users.email, users.token, n.number FROM users JOIN named n USING (name)",
        ),
        (
            "INSERT INTO users SELECT * FROM people",
            "INSERT INTO users (id, email, name) SELECT * FROM people",
        ),
        ("INSERT INTO users TABLE all_of", "INSERT INTO users (id, email, name, token) TABLE all_of"),
        ("SELECT * FROM found()", "SELECT id, email, name, token FROM found()"),
        (
            "SELECT f.*, 1 FROM public.found() f",
            "SELECT f.id, f.email, f.name, f.token, 1 FROM public.found() f",
        ),
        (
            "INSERT INTO users SELECT * FROM found() AS f (a, b)",
            "INSERT INTO users (id, email, name, token) SELECT a, b, name, token FROM found() AS f (a, b)",
        ),
        (
            "CREATE FUNCTION g() RETURNS SETOF users LANGUAGE sql BEGIN ATOMIC INSERT INTO users VALUES (1, 'x'); SELECT * FROM users; END",
            "CREATE FUNCTION g() RETURNS SETOF users LANGUAGE sql BEGIN ATOMIC INSERT INTO users (id, email) VALUES (1, 'x'); SELECT * FROM users; END",
        ),
    ] {
        let wanted = Some(wanted.to_owned()).filter(|wanted| wanted != sql);
        assert_eq!(rewritten(&rewriter, sql), wanted, "{sql}");
    }
    for sql in [
        "SELECT * FROM people",
        "SELECT * FROM either(1)",
        "SELECT * FROM elsewhere.found()",
        "SELECT to_json(p) FROM people p",
    ] {
        assert_eq!(rewritten(&rewriter, sql), None, "{sql}");
    }
}

#[test]
fn what_conflicts_in_a_view_conflicts_in_its_table() {
    let rewriter = with_views();
    for (sql, wanted) in [
        (
            "INSERT INTO people VALUES (1, 'a') ON CONFLICT (email) DO UPDATE SET name = excluded.name || people.name RETURNING *",
            "INSERT INTO users AS people (id, email) VALUES (1, 'a') ON CONFLICT (tenant_id, email) DO UPDATE SET name = excluded.name || people.name RETURNING id, email, name",
        ),
        (
            "INSERT INTO public.people AS p (id, email) SELECT 1, 'a' ON CONFLICT (id) DO NOTHING",
            "INSERT INTO users AS p (id, email) SELECT 1, 'a' ON CONFLICT (tenant_id, id) DO NOTHING",
        ),
    ] {
        assert_eq!(rewritten(&rewriter, sql).as_deref(), Some(wanted), "{sql}");
    }
    for sql in [
        "INSERT INTO people VALUES (1, 'a') ON CONFLICT DO NOTHING",
        "INSERT INTO named VALUES (1, 'a') ON CONFLICT (number) DO NOTHING",
        "INSERT INTO checked VALUES (1, 'a') ON CONFLICT (id) DO NOTHING",
        "INSERT INTO people (id, token) VALUES (1, 'a') ON CONFLICT (id) DO NOTHING",
    ] {
        assert_eq!(rewritten(&rewriter, sql), None, "{sql}");
    }
}
