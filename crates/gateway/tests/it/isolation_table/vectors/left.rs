//! What a session may leave behind on its connection, and how the next tenant would find it.

use super::{Class, Look, REFUSED, RUNS, Vector};

type Tries = &'static [&'static str];

const fn left(name: &'static str, tries: Tries, meets: [&'static str; 3], look: &'static str) -> Vector {
    super::vector(name, Class::Left, tries, meets).looking(look)
}

/// A plain setting, and how its value shows.
const fn setting(name: &'static str, tries: Tries, look: &'static str) -> Vector {
    left(name, tries, RUNS, look)
}

const OWN: &str = "SELECT coalesce(current_setting('kept.value', true), '')";
const COUNT: &str = "SELECT count(*) FROM notes";

pub(super) const VECTORS: &[Vector] = &[
    setting("`SET`", &["SET work_mem = '9MB'"], "SHOW work_mem"),
    setting("`SET` of a setting that is reported", &["SET DateStyle = 'German'"], "SHOW DateStyle"),
    setting("`SET TIME ZONE`", &["SET TIME ZONE 'Asia/Kathmandu'"], "SHOW TimeZone"),
    setting("`SET application_name`", &["SET application_name = 'kept'"], "SHOW application_name"),
    setting("`SET client_encoding`", &["SET client_encoding = 'LATIN1'"], "SHOW client_encoding"),
    setting("`SET search_path`", &["SET search_path = nowhere"], COUNT),
    setting("`SET` that is committed", &["BEGIN", "SET work_mem = '9MB'", "COMMIT"], "SHOW work_mem"),
    setting("`SET LOCAL`", &["BEGIN", "SELECT 1", "SET LOCAL work_mem = '9MB'", "COMMIT"], "SHOW work_mem"),
    setting("`set_config()`", &["SELECT set_config('work_mem', '9MB', false)"], "SHOW work_mem"),
    setting(
        "`set_config()` of a name that is put together",
        &["SELECT set_config('work' || '_mem', '9MB', false)"],
        "SHOW work_mem",
    ),
    left(
        "`UPDATE pg_settings`",
        &["UPDATE pg_settings SET setting = '9000' WHERE name = 'work_mem'"],
        REFUSED,
        "SHOW work_mem",
    ),
    setting("a setting of one's own", &["SET kept.value = 'of mine'"], OWN),
    setting(
        "a setting of one's own by `set_config()`",
        &["SELECT set_config('kept.value', 'mine', false)"],
        OWN,
    ),
    setting(
        "a setting by the gateway's own prefix",
        &["SET tenantry.kept = 'behind'"],
        "SELECT coalesce(current_setting('tenantry.kept', true), '')",
    ),
    setting("a large setting", &["SELECT set_config('kept.value', repeat('x', 100000), false)"], OWN),
    setting("`SET statement_timeout`", &["SET statement_timeout = '54321'"], "SHOW statement_timeout"),
    setting("`SET lock_timeout`", &["SET lock_timeout = '54321'"], "SHOW lock_timeout"),
    setting(
        "`SET idle_in_transaction_session_timeout`",
        &["SET idle_in_transaction_session_timeout = '54321'"],
        "SHOW idle_in_transaction_session_timeout",
    ),
    setting(
        "read only for ever",
        &["SET default_transaction_read_only = on"],
        "SHOW default_transaction_read_only",
    ),
    setting(
        "`SET SESSION CHARACTERISTICS`",
        &["SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"],
        "SHOW default_transaction_isolation",
    ),
    setting("`SET row_security`", &["SET row_security = off"], "SHOW row_security"),
    setting("`SET plan_cache_mode`", &["SET plan_cache_mode = force_custom_plan"], "SHOW plan_cache_mode"),
    setting(
        "`SET standard_conforming_strings`",
        &["SET standard_conforming_strings = off"],
        "SHOW standard_conforming_strings",
    ),
    setting("`SET ROLE NONE`", &["SET ROLE NONE"], "SELECT current_user = session_user"),
    left(
        "`CREATE TEMP TABLE`",
        &["CREATE TEMP TABLE kept (x int)"],
        REFUSED,
        "SELECT to_regclass('pg_temp.kept') IS NULL",
    ),
    left(
        "a temporary table that shadows a real one",
        &["CREATE TEMP TABLE notes (body text)"],
        REFUSED,
        COUNT,
    ),
    left("`CREATE TEMP VIEW`", &["CREATE TEMP VIEW notes AS SELECT 1"], REFUSED, COUNT),
    left(
        "`SELECT … INTO TEMP`",
        &["SELECT 1 INTO TEMP kept"],
        REFUSED,
        "SELECT to_regclass('pg_temp.kept') IS NULL",
    ),
    left("`PREPARE`", &["PREPARE kept AS SELECT body FROM notes"], RUNS, "EXECUTE kept").keeping(),
    left("`PREPARE` of other words", &["PREPARE kept AS SELECT 'planted'"], RUNS, "EXECUTE kept").keeping(),
    left("`DEALLOCATE ALL`", &["DEALLOCATE ALL"], RUNS, "SELECT 1"),
    left("`DISCARD PLANS`", &["DISCARD PLANS"], RUNS, "SELECT 1"),
    left(
        "`DECLARE … WITH HOLD`",
        &["BEGIN", "DECLARE kept CURSOR WITH HOLD FOR SELECT body FROM notes", "COMMIT"],
        RUNS,
        "FETCH ALL FROM kept",
    )
    .keeping(),
    left(
        "a cursor in a transaction that is left open",
        &["BEGIN", "DECLARE kept CURSOR FOR SELECT body FROM notes"],
        RUNS,
        "FETCH ALL FROM kept",
    )
    .keeping(),
    left(
        "a transaction that is left open",
        &["BEGIN", "INSERT INTO notes (slug, body) VALUES ('open', 'left open')"],
        RUNS,
        COUNT,
    )
    .keeping(),
    left("a failed transaction that is left open", &["BEGIN", "SELECT 1/0"], ["22012"; 3], COUNT).keeping(),
    left(
        "`SET LOCAL` in a transaction that is left open",
        &["BEGIN", "SET LOCAL work_mem = '9MB'"],
        RUNS,
        "SHOW work_mem",
    )
    .keeping(),
    left(
        "`LISTEN`",
        &["LISTEN kept"],
        ["0A000", "0A000", "-"],
        "SELECT count(*) FROM pg_listening_channels()",
    )
    .keeping(),
    left(
        "the last number of a sequence",
        &["INSERT INTO notes (slug, body) VALUES ('new', 'x')", "DELETE FROM notes WHERE slug = 'new'"],
        RUNS,
        "SELECT lastval()",
    ),
    left(
        "`setseed()`: the next one's random numbers",
        &["SELECT setseed(0.5)"],
        REFUSED,
        "SELECT random() = {seeded}",
    ),
    left("advisory locks", &["SELECT pg_advisory_lock(7)"], REFUSED, "SELECT {locks}"),
    left("`LOAD`", &["LOAD 'pgcrypto'"], REFUSED, "SELECT 1"),
    Vector { look: Look::Unnamed, ..left("the unnamed statement", &["SELECT body FROM notes"], RUNS, "") },
    Vector { look: Look::Portal, ..left("a portal", &["SELECT body FROM notes"], RUNS, "") },
];
