//! COPY … FROM STDIN into tables under row-level security.

use super::rewriter;
use crate::{QuotedStrings, Rewritten};

fn sent(sql: &str) -> (String, Vec<usize>) {
    let rewriter = rewriter();
    let sent = rewriter
        .rewrite_session(sql, QuotedStrings::Standard)
        .unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
    (sent.text.sql().to_owned(), sent.copies.iter().map(|copy| copy.first).collect())
}

#[test]
fn a_copy_becomes_three_statements_that_stand_or_fall_together() {
    let (text, copies) = sent("COPY users FROM STDIN");
    assert_eq!(
        text,
        "CALL tenancy.begin_copy('users'::regclass, ARRAY['id', 'email', 'name', 'token']::text[]); \
         COPY pg_temp.tenantry_copy (id, email, name, token) FROM STDIN; \
         INSERT INTO users (id, email, name, token, tenant_id) OVERRIDING SYSTEM VALUE \
         SELECT id, email, name, token, (SELECT tenancy.tenant_id()) FROM pg_temp.tenantry_copy"
    );
    assert_eq!(copies, [0]);
}

#[test]
fn options_stay_and_so_does_what_stands_around() {
    let (text, copies) = sent(
        "SELECT 1; /* a */ copy BINARY public.orders FROM STDIN; COPY users(\"name\",id) from stdin with csv header where id>1; SELECT * FROM users;",
    );
    assert_eq!(
        text,
        "SELECT 1; /* a */ CALL tenancy.begin_copy('public.orders'::regclass, ARRAY['id', 'user_id', 'total']::text[]); \
         copy BINARY pg_temp.tenantry_copy (id, user_id, total) FROM STDIN; \
         INSERT INTO public.orders (id, user_id, total, tenant_id) OVERRIDING SYSTEM VALUE \
         SELECT id, user_id, total, (SELECT tenancy.tenant_id()) FROM pg_temp.tenantry_copy; \
         CALL tenancy.begin_copy('users'::regclass, ARRAY['name', 'id']::text[]); \
         COPY pg_temp.tenantry_copy (name, id) from stdin with csv header where id>1; \
         INSERT INTO users (name, id, tenant_id) OVERRIDING SYSTEM VALUE SELECT name, id, (SELECT tenancy.tenant_id()) FROM pg_temp.tenantry_copy; \
         SELECT id, email, name, token FROM users;"
    );
    assert_eq!(copies, [1, 4]);
}

#[test]
fn what_postgres_lets_through_or_refuses_by_itself_is_left_to_it() {
    for sql in [
        "COPY countries FROM STDIN",
        "COPY nothing_known FROM STDIN",
        "COPY other.users FROM STDIN",
        "COPY users (id) FROM '/tmp/x'",
        "COPY users (id) FROM PROGRAM 'true'",
        "COPY (SELECT 1) TO STDOUT",
        "COPY users FROM",
    ] {
        let sent = rewriter()
            .rewrite_session(sql, QuotedStrings::Standard)
            .unwrap_or_else(|refusal| panic!("{refusal}"))
            .text;
        assert_eq!(sent, Rewritten::Unchanged(sql));
    }
    assert_eq!(sent("COPY users TO STDOUT").0, "COPY users (id, email, name, token) TO STDOUT");
}

#[test]
fn what_shared_tables_can_not_have_is_refused_at_its_place() {
    for (sql, word) in [
        ("COPY users FROM STDIN (FORMAT csv, FREEZE)", "FREEZE"),
        ("COPY users FROM STDIN WITH (FREEZE true)", "FREEZE"),
        ("COPY users (id) FROM STDIN (DEFAULT '\\D')", "DEFAULT"),
    ] {
        let refusal = rewriter().rewrite_session(sql, QuotedStrings::Standard).expect_err(sql);
        assert_eq!(&sql[refusal.place.offset..][..refusal.place.length], word, "{refusal}");
    }
    assert_eq!(sent("COPY users (id) FROM STDIN (FREEZE false)").1, [0]);
}

#[test]
fn names_need_no_standard_strings() {
    let (text, _) = sent("COPY users (\"a'\\b\") FROM STDIN");
    assert!(text.contains(r"ARRAY[ E'a''\\b']"), "{text}");
}
