//! What row-level security does not cover: oracles, and what a role that tenants share can do to them all.

use super::{Class, REFUSED, RUNS, Vector};

const fn beyond(name: &'static str, tries: &'static [&'static str], meets: [&'static str; 3]) -> Vector {
    super::vector(name, Class::Beyond, tries, meets)
}

pub(super) const VECTORS: &[Vector] = &[
    beyond(
        "a key that the other has",
        &["BEGIN", "INSERT INTO notes (id, slug) VALUES (1001, 'theirs')", "ROLLBACK"],
        RUNS,
    ),
    beyond(
        "`ON CONFLICT DO NOTHING` on the other's key",
        &[
            "BEGIN",
            "INSERT INTO notes (id, slug) VALUES (1001, 'theirs') ON CONFLICT DO NOTHING RETURNING 'free'",
            "ROLLBACK",
        ],
        RUNS,
    ),
    beyond(
        "`EXPLAIN`: estimates from the other's values",
        &["EXPLAIN SELECT * FROM {theirs}"],
        ["42501", "42501", "0A000"],
    ),
    beyond(
        "`LOCK TABLE`",
        &["BEGIN", "LOCK TABLE {update} IN ACCESS EXCLUSIVE MODE", "ROLLBACK"],
        ["42501", "42501", "0A000"],
    ),
    beyond("others' statements: `pg_stat_activity`", &["SELECT * FROM pg_stat_activity"], REFUSED),
    beyond(
        "others' statements: `pg_stat_get_activity()`",
        &["SELECT * FROM pg_stat_get_activity(NULL)"],
        REFUSED,
    ),
    beyond(
        "others' statements: `pg_prepared_statements`",
        &["SELECT * FROM pg_prepared_statements"],
        REFUSED,
    ),
    beyond("others' cursors: `pg_cursors`", &["SELECT * FROM pg_cursors"], REFUSED),
    beyond("cancelling others", &["SELECT pg_cancel_backend(1)"], REFUSED),
    beyond("terminating others", &["SELECT pg_terminate_backend(1)"], REFUSED),
    beyond("others' locks", &["SELECT * FROM pg_locks"], REFUSED),
    beyond("advisory locks of the transaction", &["SELECT pg_try_advisory_xact_lock(1)"], REFUSED),
    beyond("giving up the tenant's fence", &["SELECT pg_advisory_unlock_all() WHERE true"], REFUSED),
    beyond("`NOTIFY`", &["NOTIFY everybody, 'news'"], ["0A000", "0A000", "-"]),
    beyond("`pg_notify()`", &["SELECT pg_notify('everybody', 'news')"], REFUSED),
    beyond(
        "`PREPARE TRANSACTION`",
        &["BEGIN", "SELECT 1", "PREPARE TRANSACTION 'kept'"],
        ["0A000", "0A000", "55000"],
    ),
    beyond("`ROLLBACK PREPARED` of the other's", &["ROLLBACK PREPARED 'kept'"], ["0A000", "0A000", "42704"]),
    beyond("others' prepared transactions", &["SELECT * FROM pg_prepared_xacts"], REFUSED),
    beyond("the pool's own password", &["ALTER ROLE CURRENT_USER PASSWORD 'x'"], REFUSED),
    beyond(
        "timeouts for every later session",
        &["ALTER ROLE CURRENT_USER SET statement_timeout = '1ms'"],
        REFUSED,
    ),
    beyond(
        "a search path for every later session",
        &["ALTER USER CURRENT_USER SET search_path = nowhere"],
        REFUSED,
    ),
    beyond("giving up the pool's rights: `DROP OWNED`", &["DROP OWNED BY CURRENT_USER"], REFUSED),
    beyond("`GRANT` of the pool's role", &["GRANT {role} TO pg_monitor"], REFUSED),
    beyond("default privileges", &["ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"], REFUSED),
    beyond("large objects: making one", &["SELECT lo_create(0)"], REFUSED),
    beyond("large objects: reading", &["SELECT lo_get(1)"], REFUSED),
    beyond("large objects: which there are", &["SELECT * FROM pg_largeobject_metadata"], REFUSED),
    beyond("sizes of tables", &["SELECT pg_total_relation_size('notes')"], REFUSED),
    beyond("how much others write", &["SELECT * FROM pg_stat_user_tables"], REFUSED),
    beyond("a sequence's last number", &["SELECT last_value FROM notes_id_seq"], REFUSED),
    beyond("transaction numbers", &["SELECT pg_current_xact_id()"], REFUSED),
    beyond("the write-ahead log's position", &["SELECT pg_current_wal_lsn()"], REFUSED),
    beyond("exporting a snapshot", &["SELECT pg_export_snapshot()"], REFUSED),
    beyond("messages in the write-ahead log", &["SELECT pg_logical_emit_message(false, 'a', 'b')"], REFUSED),
    beyond("roles and their settings", &["SELECT rolconfig FROM pg_roles"], REFUSED),
    beyond("settings of roles and databases", &["SELECT * FROM pg_db_role_setting"], REFUSED),
    beyond("reading the gate: who else there is", &["SELECT * FROM tenancy.gate"], REFUSED),
    beyond("`COMMENT` for others to read", &["COMMENT ON TABLE notes IS 'news'"], REFUSED),
    beyond("`ANALYZE`", &["ANALYZE notes"], RUNS),
    beyond("`CHECKPOINT`", &["CHECKPOINT"], REFUSED),
];
