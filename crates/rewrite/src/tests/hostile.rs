//! What nobody writes by accident: it ends with an answer, never with a panic, an abort or an hour of waiting.

use super::{rewriter, script};
use crate::Rewritten;

/// Runs both ways of in; the answer matters less than that there is one.
fn survives(sql: &str) {
    if let Ok(Rewritten::Changed(text)) = rewriter().rewrite(sql) {
        assert!(text.len() >= sql.len() / 2, "{text:.200}");
    }
    drop(script().migrate(sql));
}

#[test]
fn strings_that_are_no_text() {
    for constant in [
        r"E'\xff'",
        r"E'\377\376'",
        r"E'\xc3'",
        r"E'\xed\xa0\x80'",
        r"E'\ud800'",
        r"E'\U0010ffff'",
        r"E'\x00'",
        r"E'a\000b'",
        r"U&'\+10ffff'",
        r"U&'\d800'",
        r"U&'d!0061' UESCAPE '!'",
    ] {
        for sql in [
            format!("SELECT *, {constant} FROM users"),
            format!("INSERT INTO users VALUES (1, {constant}) ON CONFLICT (email) DO NOTHING"),
            format!("INSERT INTO users (id) SELECT 1 AS {}", constant.replace('\'', "\"")),
            format!("SELECT * FROM users GROUP BY id, {constant}"),
            format!("CREATE TABLE a (id int DEFAULT {constant}, b text CHECK (b <> {constant}))"),
            format!("COMMENT ON TABLE users IS {constant}"),
            format!("ALTER TABLE users ADD x text DEFAULT {constant} UNIQUE"),
            format!("CREATE INDEX ON users ((email || {constant})) WHERE name <> {constant}"),
            format!("CREATE VIEW v AS SELECT *, {constant} AS x FROM users"),
            format!(
                "CREATE TABLE p (a text) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN ({constant})"
            ),
        ] {
            survives(&sql);
        }
    }
}

#[test]
fn zero_bytes_and_marks() {
    for sql in [
        "\0",
        "SELECT * FROM users\0",
        "INSERT INTO \"us\0ers\" VALUES (1)",
        "\u{feff}SELECT * FROM users",
        "TABLE\u{a0}users",
    ] {
        survives(sql);
    }
}

/// One test for each, so that the slow one has a name.
macro_rules! large {
    ($($name:ident: $text:expr),* $(,)?) => {
        $(#[test]
        fn $name() {
            survives(&$text);
        })*
    };
}

large! {
    a_large_string: format!("INSERT INTO users VALUES (1, '{}')", "x".repeat(10_000_000)),
    a_large_comment: format!("SELECT * FROM users -- {}", "x".repeat(10_000_000)),
    a_comment_that_never_ends: format!("SELECT * FROM users /* {}", "/*".repeat(5_000_000)),
    dollars: "$".repeat(10_000_000),
    dollars_with_tags: "$a".repeat(1_000_000),
}

#[test]
fn many_rows_and_many_statements() {
    let rows = format!("INSERT INTO users VALUES (1, 'a'){}", ", (2, 'b')".repeat(200_000));
    assert!(matches!(rewriter().rewrite(&rows), Ok(Rewritten::Changed(_))));
    let queries = "SELECT * FROM users;\n".repeat(10_000);
    assert!(matches!(rewriter().rewrite(&queries), Ok(Rewritten::Changed(_))));
    let tables: Vec<String> =
        (0..200).map(|number| format!("CREATE TABLE t{number} (id int PRIMARY KEY)")).collect();
    assert!(
        script()
            .migrate(&tables.join(
                ";
"
            ))
            .is_ok()
    );
    let data = "INSERT INTO users VALUES (1, 'a');\n".repeat(10_000);
    assert_eq!(script().migrate(&data).unwrap().len(), 10_000);
}

#[test]
fn wide_lists() {
    let items: Vec<String> = (0..50_000).map(|number| format!("c{number}")).collect();
    survives(&format!("SELECT *, {} FROM users", items.join(", ")));
    survives(&format!("SELECT * FROM users u, {}", items[..5_000].join(", ")));
    survives(&format!("SELECT * FROM users GROUP BY id, {}", items[..20_000].join(", ")));
    survives(&format!("WITH {} AS (SELECT 1) SELECT * FROM users", items[..3_000].join(" AS (SELECT 1), ")));
    survives(&format!("CREATE TABLE wide ({} int)", items[..1_500].join(" int, ")));
    survives(&format!("CREATE TABLE wide ({} int UNIQUE)", items[..300].join(" int UNIQUE, ")));
    survives(&format!("ALTER TABLE users ADD {} int", items[..1_000].join(" int, ADD ")));
}

/// Every recursive place: of a query, of statements around it, of definitions.
#[test]
fn depth_in_every_place() {
    let deep = |open: &str, core: &str, close: &str, times: usize| {
        format!("{}{core}{}", open.repeat(times), close.repeat(times))
    };
    let outcome = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
        for times in [300, 498, 600, 3_000] {
            let sum = deep("(1+", "1", ")", times);
            let query = deep("SELECT * FROM (", "SELECT * FROM users", ") a", times);
            for sql in [
                format!("CREATE TABLE a (id int CHECK ({sum} > 0) DEFAULT {sum})"),
                format!("CREATE TABLE a (id int, b int GENERATED ALWAYS AS ({sum}) STORED)"),
                format!("CREATE INDEX ON users (({sum})) WHERE {sum} > 0"),
                format!("ALTER TABLE users ADD x int DEFAULT {sum} CHECK ({sum} > 0), ALTER name SET DEFAULT {sum}"),
                format!("CREATE VIEW v AS {query}"),
                format!("CREATE FUNCTION f() RETURNS int RETURN {sum}"),
                format!("CREATE FUNCTION f(a int DEFAULT {sum}) RETURNS int BEGIN ATOMIC {query}; END"),
                format!("CREATE POLICY p ON users USING ({sum} > 0)"),
                format!("CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW WHEN ({sum} > 0) EXECUTE FUNCTION f()"),
                format!("CREATE DOMAIN d AS int CHECK ({sum} > 0)"),
                format!("EXPLAIN {query}"),
                format!("PREPARE p AS {query}"),
                format!("COPY ({query}) TO STDOUT"),
                format!("COPY users FROM STDIN WHERE {sum} > 0"),
                format!("MERGE INTO users u USING ({query}) o ON {sum} > 0 WHEN NOT MATCHED AND {sum} > 0 THEN INSERT VALUES ({sum})"),
                format!("UPDATE users SET id = {sum} RETURNING *, {sum}"),
                format!("DELETE FROM users WHERE {sum} > 0 RETURNING *"),
                format!("INSERT INTO users VALUES ({sum}) ON CONFLICT (({sum})) WHERE {sum} > 0 DO UPDATE SET id = {sum} WHERE {sum} > 0 RETURNING *"),
                format!("SELECT * FROM users GROUP BY {sum}, id HAVING {sum} > 0 ORDER BY {sum} LIMIT {sum}"),
                format!("SELECT * FROM users WHERE x IN (SELECT {sum})"),
                format!("SELECT * FROM users, LATERAL ({query}) b, json_table('{{}}', '$' COLUMNS (a int PATH '$'  DEFAULT {sum} ON EMPTY)) j"),
                deep("WITH a AS (", "SELECT * FROM users", ") SELECT * FROM users", times),
                deep("EXPLAIN ", "SELECT * FROM users", "", times),
                deep("SELECT * FROM (users JOIN ", "users", " ON true)", times),
                format!("SELECT * FROM users{}", " JOIN users ON true".repeat(times)),
                format!("TABLE users{}", " UNION TABLE users".repeat(times)),
                deep("(", "TABLE users", " UNION TABLE users)", times),
                format!("SELECT * FROM users WHERE {}", vec!["a = 1"; times].join(" AND ")),
                format!("SELECT * FROM users WHERE {}", vec!["a = 1 OR a"; times].join(" = ")),
                deep("SELECT * FROM users GROUP BY ROLLUP (", "id", ")", 1) ,
                deep("SELECT CASE WHEN true THEN ", "users.*", " END FROM users", 1),
                format!("SELECT *, {} FROM users", deep("CASE WHEN true THEN ", "1", " END", times)),
                format!("SELECT *, a{} FROM users", "[1]".repeat(times)),
                format!("SELECT *, a{} FROM users", "::int".repeat(times)),
                format!("SELECT *, a{} FROM users", " COLLATE \"C\"".repeat(times)),
                format!("SELECT *, {} FROM users", deep("f(", "1", ")", times)),
                format!("SELECT *, {} FROM users", deep("ARRAY[", "1", "]", times)),
                format!("SELECT *, {} FROM users", deep("ROW(", "1", ")", times)),
                format!("SELECT *, {} FROM users", deep("json_array(", "1", ")", times)),
                format!("SELECT *, {} FROM users", deep("(SELECT ", "1", ")", times)),
            ] {
                survives(&sql);
            }
        }
    });
    assert!(outcome.unwrap().join().is_ok());
}

/// The same bytes are two different statements: the one that was looked at must be the one that runs.
#[test]
fn strings_with_backslashes_are_not_guessed_at() {
    use crate::QuotedStrings;
    let rewriter = super::rewriter();
    let backslash = |sql| rewriter.rewrite_as(sql, QuotedStrings::Backslash);
    for sql in [
        r"SELECT * FROM users WHERE name = 'a\' OR name = ' -- '",
        r"INSERT INTO users VALUES (1, N'\')",
        r"/* ' */ SELECT *, 'a''\'' FROM users",
    ] {
        let refusal = backslash(sql).unwrap_err();
        assert!(refusal.message.contains("standard_conforming_strings"), "{sql}");
        assert!(refusal.place.text[refusal.place.column - 1..].starts_with(['\'', 'N']), "{sql}");
    }
    for sql in [
        "SELECT * FROM users WHERE name = 'a'",
        r"SELECT * FROM users WHERE name = E'a\'b'",
        r"SELECT * FROM users WHERE name = $$\$$ -- \'",
        r"SELECT id FROM users WHERE name = 'a\'",
    ] {
        assert_eq!(backslash(sql), rewriter.rewrite(sql), "{sql}");
    }
}
