//! Attempts to be taken for another tenant.

use super::{Class, Look, REFUSED, RUNS, Vector};

const fn context(name: &'static str, tries: &'static [&'static str], meets: [&'static str; 3]) -> Vector {
    super::vector(name, Class::Context, tries, meets)
}

pub(super) const VECTORS: &[Vector] = &[
    context("`SET` of the setting that carries the tenant", &["SET {setting} = '{forged}'"], REFUSED),
    context("`SET LOCAL` of it", &["SET LOCAL {setting} = '{forged}'"], REFUSED),
    context("`set_config()` of it", &["SELECT set_config('{setting}', '{forged}', false)"], REFUSED),
    context(
        "`set_config()` of it for the transaction",
        &["SELECT set_config('{setting}', '{forged}', true)"],
        REFUSED,
    ),
    context(
        "`set_config()` in the statement that reads",
        &[
            "WITH x AS MATERIALIZED (SELECT set_config('{setting}', '{forged}', false)) SELECT body FROM x, notes",
        ],
        REFUSED,
    ),
    context(
        "`set_config()` of it, the name put together",
        &["SELECT set_config(left('{setting}', 3) || substr('{setting}', 4), '{forged}', false)"],
        REFUSED,
    ),
    context(
        "a `DO` block",
        &["DO $$ BEGIN PERFORM set_config('{setting}', '{forged}', false); END $$"],
        REFUSED,
    ),
    context(
        "a function with a `SET` clause",
        &[
            "CREATE FUNCTION pg_temp.peek() RETURNS SETOF text LANGUAGE sql SET {setting} = '{forged}' AS 'SELECT body FROM notes'",
            "SELECT pg_temp.peek()",
        ],
        REFUSED,
    ),
    context(
        "`UPDATE pg_settings` of it",
        &["UPDATE pg_settings SET setting = '{forged}' WHERE name = '{setting}'"],
        REFUSED,
    ),
    context(
        "`ALTER ROLE CURRENT_USER SET` of it",
        &["ALTER ROLE CURRENT_USER SET {setting} = '{forged}'"],
        REFUSED,
    ),
    context(
        "`ALTER DATABASE … SET` of it",
        &["ALTER DATABASE {database} SET {setting} = '{forged}'"],
        REFUSED,
    ),
    Vector {
        options: "-c {setting}={forged}",
        ..context("`options` of the startup packet", &["SELECT body FROM notes"], REFUSED)
    },
    context("`SET` and `ROLLBACK`", &["BEGIN", "SET {setting} = '{own}'", "ROLLBACK"], REFUSED),
    context("`RESET` of it", &["RESET {setting}"], REFUSED),
    context("`RESET ALL`", &["RESET ALL"], RUNS),
    context("`RESET ALL` and `ROLLBACK`", &["BEGIN", "RESET ALL", "ROLLBACK"], RUNS),
    context("`DISCARD ALL`", &["DISCARD ALL"], RUNS),
    context("`SET ROLE` of the tables' owner", &["SET ROLE tenantry_owner"], REFUSED),
    context("`SET ROLE` of who guards the context", &["SET ROLE tenantry_context"], REFUSED),
    context("`SET ROLE` of a superuser", &["SET ROLE postgres"], REFUSED),
    context("`set_config('role', …)`", &["SELECT set_config('role', 'postgres', false)"], REFUSED),
    context("`RESET ROLE`", &["RESET ROLE"], RUNS),
    context("`SET SESSION AUTHORIZATION`", &["SET SESSION AUTHORIZATION postgres"], REFUSED),
    context("`RESET SESSION AUTHORIZATION`", &["RESET SESSION AUTHORIZATION"], RUNS),
    context(
        "`SET row_security = off`",
        &["BEGIN", "SET row_security = off", "SELECT body FROM notes", "ROLLBACK"],
        ["42501", "42501", "-"],
    ),
    context("`SET session_replication_role`", &["SET session_replication_role = replica"], REFUSED),
    context(
        "a plan made for another tenant",
        &[
            "SET plan_cache_mode = force_generic_plan",
            "PREPARE kept AS SELECT body FROM notes",
            "EXECUTE kept",
        ],
        RUNS,
    )
    .keeping(),
    context(
        "a cursor opened before, read after",
        &[
            "BEGIN",
            "DECLARE k CURSOR FOR SELECT body FROM notes",
            "SAVEPOINT s",
            "SET {setting} = '{forged}'",
            "ROLLBACK TO s",
            "FETCH ALL FROM k",
            "ROLLBACK",
        ],
        REFUSED,
    ),
    context("a forged token", &["SELECT tenancy.enter(1, {other}, 1, repeat('ab', 32))"], RUNS),
    context("a token of nothing", &["SELECT tenancy.enter(1, {other}, 1, NULL)"], RUNS),
    context(
        "a forged token for the handover in one flight",
        &["SELECT tenancy.admit(1, {other}, 1, repeat('ab', 32))"],
        ["TN001"; 3],
    ),
    context("asking for a nonce", &["SELECT tenancy.challenge()"], RUNS),
    context("asking for a nonce, and `ROLLBACK`", &["BEGIN", "SELECT tenancy.challenge()", "ROLLBACK"], RUNS),
    context("leaving the tenant", &["SELECT tenancy.leave()"], RUNS),
    context("reading the keys that tokens are signed with", &["SELECT * FROM tenancy.keys"], REFUSED),
    context("planting a key", &["SELECT tenancy.put_key(1, decode(repeat('00', 32), 'hex'))"], REFUSED),
    context("`UPDATE tenancy.gate`", &["UPDATE tenancy.gate SET state = 'suspended'"], REFUSED),
    Vector {
        look: Look::Sql("SELECT body FROM notes"),
        ..context("a setting that means the tenant elsewhere", &["SET app.tenant_id = '{other}'"], RUNS)
    },
];
