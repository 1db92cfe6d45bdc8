use super::{migrated, refused, script, texts};
use crate::{Class, Runs};

#[test]
fn data_statements_say_for_whom_they_run() {
    let mut script = script();
    for (sql, runs, wanted) in [
        ("UPDATE countries SET name = 'x'", Runs::Once, "UPDATE countries SET name = 'x'"),
        ("-- tenantry: once\nUPDATE users SET name = 'x'", Runs::Once, "UPDATE users SET name = 'x'"),
        ("-- why\n-- tenantry: per-tenant\nDELETE FROM users", Runs::PerTenant, "DELETE FROM users"),
        (
            "INSERT INTO users VALUES (1, 'a')",
            Runs::PerTenant,
            "INSERT INTO users (id, email) VALUES (1, 'a')",
        ),
        (
            "/* tenantry: once */ UPDATE users SET name = 'x' FROM orders o WHERE o.user_id = users.id AND o.tenant_id = users.tenant_id",
            Runs::Once,
            "UPDATE users SET name = 'x' FROM orders o WHERE o.user_id = users.id AND o.tenant_id = users.tenant_id",
        ),
    ] {
        let made = migrated(&mut script, sql);
        assert_eq!((made[0].runs, made[0].class), (runs, Class::Data), "{sql}");
        assert_eq!(texts(&made), [wanted], "{sql}");
    }
}

#[test]
fn data_statements_without_a_word_are_refused_with_the_choices() {
    for sql in [
        "UPDATE users SET name = 'x'",
        "DELETE FROM orders",
        "INSERT INTO users SELECT id FROM orders",
        "SELECT id FROM users",
    ] {
        let refusal = refused(sql);
        assert_eq!(refusal.choices, ["-- tenantry: per-tenant", "-- tenantry: once"], "{sql}");
    }
    for (sql, reason) in [
        ("-- tenantry: once\nINSERT INTO users (id) VALUES (1)", "would have no tenant"),
        (
            "-- tenantry: once\nUPDATE users SET name = 'x' FROM orders WHERE user_id = users.id",
            "would meet in orders, users",
        ),
    ] {
        assert!(refused(sql).message.contains(reason), "{sql}");
    }
}
