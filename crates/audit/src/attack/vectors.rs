//! What is tried. `{table}` is the attacker's table, `{target}` with `{whose}` the other tenant's rows, `{own}` and `{other}`
//! the values of the tenant column, `{setting}` and `{forged}` the setting that carries the tenant and what it would hold
//! for the other.

/// How a leak shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Afterwards rows of others can be read. (Looked at after every vector.)
    Rows,
    /// The first cell of the last answer counts rows of others.
    Count,
    /// The statement is aimed at rows of the other: any row that it writes is one.
    Reaches,
    /// The statement is aimed at everything: more rows than the tenant's own.
    Blind,
    /// Being let through is the leak.
    Refused,
    /// So it is where tenants share a database. In one's own it reaches nobody.
    Together,
    /// Options of the startup packet.
    Startup,
    /// A connection to the other tenant's database.
    Connect,
}

/// One attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vector {
    pub id: &'static str,
    /// Context, row security, or beyond rows.
    pub section: &'static str,
    pub what: &'static str,
    /// What a leak looks like.
    pub leak: &'static str,
    /// Each in a savepoint of its own.
    pub tries: &'static [&'static str],
    pub look: Look,
    /// It means something only in a session that the role itself opened.
    pub real_login: bool,
}

const fn vector(
    id: &'static str,
    section: &'static str,
    what: &'static str,
    leak: &'static str,
    look: Look,
    tries: &'static [&'static str],
) -> Vector {
    Vector { id, section, what, leak, tries, look, real_login: false }
}

const fn of_login(vector: Vector) -> Vector {
    Vector { real_login: true, ..vector }
}

const CONTEXT: &str = "context";
const ROWS: &str = "rows";
const BEYOND: &str = "beyond rows";
const THEIRS: &str = "rows of the other tenant are read";
const PLANTED: &str = "rows are written into the other tenant";

/// All of them.
pub const VECTORS: &[Vector] = &[
    vector(
        "set",
        CONTEXT,
        "SET the setting that carries the tenant",
        THEIRS,
        Look::Rows,
        &["SET {setting} = '{forged}'"],
    ),
    vector("set-local", CONTEXT, "SET LOCAL", THEIRS, Look::Rows, &["SET LOCAL {setting} = '{forged}'"]),
    vector(
        "set-config",
        CONTEXT,
        "set_config()",
        THEIRS,
        Look::Rows,
        &["SELECT set_config('{setting}', '{forged}', false)"],
    ),
    vector(
        "set-config-in-cte",
        CONTEXT,
        "set_config() in the statement that reads",
        THEIRS,
        Look::Count,
        &[
            "WITH x AS MATERIALIZED (SELECT set_config('{setting}', '{forged}', true)) SELECT count(*) FILTER (WHERE {whose}) FROM x, {target}",
        ],
    ),
    vector(
        "update-pg-settings",
        CONTEXT,
        "UPDATE pg_settings",
        THEIRS,
        Look::Rows,
        &["UPDATE pg_settings SET setting = '{forged}' WHERE name = '{setting}'"],
    ),
    vector(
        "do-block",
        CONTEXT,
        "a DO block that sets it",
        THEIRS,
        Look::Rows,
        &["DO $x$ BEGIN PERFORM set_config('{setting}', '{forged}', false); END $x$"],
    ),
    vector(
        "function-clause",
        CONTEXT,
        "a function with a SET clause",
        THEIRS,
        Look::Count,
        &[
            "CREATE FUNCTION pg_temp.peek() RETURNS bigint LANGUAGE sql SET {setting} = '{forged}' AS 'SELECT count(*) FROM {target} WHERE {whose}'",
            "SELECT pg_temp.peek()",
        ],
    ),
    vector("startup-options", CONTEXT, "options of the startup packet", THEIRS, Look::Startup, &[]),
    vector(
        "alter-role-set",
        CONTEXT,
        "ALTER ROLE CURRENT_USER SET the setting",
        "every later session of the role begins in the other tenant",
        Look::Refused,
        &["ALTER ROLE CURRENT_USER SET {setting} = '{forged}'"],
    ),
    vector(
        "reset-all",
        CONTEXT,
        "RESET ALL and DISCARD of the context",
        "without a context rows are read",
        Look::Rows,
        &["RESET ALL", "SELECT set_config('{setting}', '', false)"],
    ),
    vector(
        "set-role",
        CONTEXT,
        "SET ROLE to roles that see more",
        "a role that no policy binds is taken",
        Look::Rows,
        &[
            "SET ROLE postgres",
            "SET ROLE tenantry_owner",
            "SET ROLE tenantry_context",
            "SET ROLE pg_read_all_data",
        ],
    ),
    of_login(vector(
        "reset-role",
        CONTEXT,
        "RESET ROLE and RESET SESSION AUTHORIZATION",
        "the session goes back to a role that sees more",
        Look::Rows,
        &["RESET ROLE", "RESET SESSION AUTHORIZATION", "SET SESSION AUTHORIZATION DEFAULT"],
    )),
    of_login(vector(
        "session-authorization",
        CONTEXT,
        "SET SESSION AUTHORIZATION of a superuser",
        "the session becomes a superuser's",
        Look::Refused,
        &["SET SESSION AUTHORIZATION postgres"],
    )),
    vector(
        "row-security-off",
        CONTEXT,
        "SET row_security = off",
        THEIRS,
        Look::Rows,
        &["SET row_security = off"],
    ),
    vector(
        "replica-role",
        CONTEXT,
        "SET session_replication_role = replica",
        "foreign keys and triggers are off",
        Look::Refused,
        &["SET session_replication_role = replica"],
    ),
    vector(
        "forged-token",
        CONTEXT,
        "a forged token for tenancy.enter()",
        THEIRS,
        Look::Rows,
        &[
            "SELECT tenancy.enter(1, {other}, 1, NULL)",
            "SELECT tenancy.enter(1, {other}, 1, repeat('ab', 32))",
        ],
    ),
    vector(
        "context-keys",
        CONTEXT,
        "reading the keys that tokens are signed with",
        "the keys are read",
        Look::Refused,
        &["SELECT * FROM tenancy.keys"],
    ),
    vector(
        "context-gate",
        CONTEXT,
        "writing the gate",
        "another tenant is suspended or taken over",
        Look::Refused,
        &["UPDATE tenancy.gate SET state = 'suspended'"],
    ),
    vector(
        "read-all",
        ROWS,
        "SELECT without a WHERE",
        THEIRS,
        Look::Count,
        &["SELECT count(*) FILTER (WHERE {whose}) FROM {target}"],
    ),
    vector(
        "read-theirs",
        ROWS,
        "SELECT the other's rows",
        THEIRS,
        Look::Count,
        &["SELECT count(*) FROM {target} WHERE {whose}"],
    ),
    vector(
        "read-in-or",
        ROWS,
        "OR true, as an injection does",
        THEIRS,
        Look::Count,
        &["SELECT count(*) FILTER (WHERE {whose}) FROM {target} WHERE {key} IS NULL OR true"],
    ),
    vector(
        "read-by-copy",
        ROWS,
        "COPY TO",
        THEIRS,
        Look::Rows,
        &["COPY {target} TO '/dev/null'", "COPY (SELECT * FROM {target}) TO PROGRAM 'cat'"],
    ),
    vector(
        "read-child",
        ROWS,
        "SELECT from a partition",
        THEIRS,
        Look::Count,
        &["SELECT count(*) FROM {child} WHERE {column} IS DISTINCT FROM {own}"],
    ),
    vector(
        "leaky-function",
        ROWS,
        "a cheap function that prints what it is given",
        "rows of others are passed to it",
        Look::Count,
        &[
            "CREATE FUNCTION pg_temp.shout(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $x$ BEGIN IF $1 IS DISTINCT FROM {own}::text THEN PERFORM set_config('audit.heard', '1', true); END IF; RETURN true; END $x$",
            "SELECT count(*) FILTER (WHERE {whose}) FROM {target} WHERE pg_temp.shout({column}::text)",
            "SELECT coalesce(nullif(current_setting('audit.heard', true), ''), '0')",
        ],
    ),
    vector(
        "update-theirs",
        ROWS,
        "UPDATE the other's rows",
        PLANTED,
        Look::Reaches,
        &["UPDATE {target} SET {key} = {key} WHERE {whose}"],
    ),
    vector(
        "update-blind",
        ROWS,
        "UPDATE without WHERE and RETURNING",
        "rows of others are changed unseen",
        Look::Blind,
        // One that reads no column meets the UPDATE policy alone.
        &[
            "UPDATE {table} SET {key} = {key}",
            "UPDATE {table} SET {key} = NULL",
            "UPDATE {table} SET {key} = DEFAULT",
        ],
    ),
    vector(
        "delete-blind",
        ROWS,
        "DELETE without WHERE and RETURNING",
        "rows of others are deleted unseen",
        Look::Blind,
        &["DELETE FROM {table}"],
    ),
    vector(
        "delete-theirs",
        ROWS,
        "DELETE the other's rows",
        "rows of the other are deleted",
        Look::Reaches,
        &["DELETE FROM {target} WHERE {whose}"],
    ),
    vector(
        "delete-child",
        ROWS,
        "DELETE from a partition",
        "rows of the other are deleted",
        Look::Reaches,
        &["DELETE FROM {child} WHERE {column} IS DISTINCT FROM {own}"],
    ),
    vector(
        "move-rows",
        ROWS,
        "UPDATE the tenant column",
        "rows are moved to the other tenant",
        Look::Reaches,
        &["UPDATE {table} SET {column} = {other}"],
    ),
    vector(
        "merge",
        ROWS,
        "MERGE into the other's rows",
        PLANTED,
        Look::Reaches,
        &["MERGE INTO {target} t USING (SELECT 1) s ON {whose} WHEN MATCHED THEN DELETE"],
    ),
    vector(
        "lock-rows",
        ROWS,
        "SELECT … FOR UPDATE of the other's rows",
        "rows of the other are locked",
        Look::Count,
        &["SELECT count(*) FROM (SELECT 1 FROM {target} WHERE {whose} FOR UPDATE) x"],
    ),
    vector(
        "truncate",
        ROWS,
        "TRUNCATE",
        "the table is empty for everybody",
        Look::Refused,
        &["TRUNCATE {table}"],
    ),
    vector(
        "cursor",
        ROWS,
        "a cursor that is read after the context changed",
        THEIRS,
        Look::Count,
        &[
            "DECLARE c CURSOR FOR SELECT count(*) FILTER (WHERE {whose}) OVER () FROM {target}",
            "SET LOCAL {setting} = '{forged}'",
            "FETCH ALL FROM c",
        ],
    ),
    vector(
        "prepared-plan",
        ROWS,
        "a plan that was made in another context",
        THEIRS,
        Look::Count,
        &[
            "PREPARE audit_attack AS SELECT count(*) FILTER (WHERE {whose}) FROM {target}",
            "SET LOCAL plan_cache_mode = force_generic_plan",
            "EXECUTE audit_attack",
        ],
    ),
    vector(
        "disable-row-security",
        ROWS,
        "ALTER TABLE … DISABLE ROW LEVEL SECURITY",
        "row-level security is off for everybody",
        Look::Refused,
        &["ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"],
    ),
    vector(
        "create-policy",
        ROWS,
        "CREATE POLICY",
        "a policy of the attacker's opens the table",
        Look::Refused,
        &["CREATE POLICY audit_attack ON {table} USING (true)"],
    ),
    vector(
        "create-trigger",
        ROWS,
        "CREATE TRIGGER",
        "the attacker sees every row that is written",
        Look::Refused,
        &[
            "CREATE TRIGGER audit_attack BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ],
    ),
    vector(
        "create-view",
        ROWS,
        "CREATE VIEW in the product's schema",
        "the attacker makes objects beside the product's",
        Look::Refused,
        &["CREATE VIEW audit_attack AS SELECT 1"],
    ),
    vector(
        "create-statistics",
        ROWS,
        "CREATE STATISTICS on the table",
        "statistics of all rows are gathered",
        Look::Refused,
        &["CREATE STATISTICS audit_attack ON {key}, {column} FROM {table}"],
    ),
    vector(
        "statistics",
        ROWS,
        "pg_stats of the table",
        "most common values of all tenants are read",
        Look::Count,
        &[
            "SELECT count(*) FROM pg_stats WHERE format('%I.%I', schemaname, tablename)::regclass = '{table}'::regclass",
        ],
    ),
    vector(
        "shadow-table",
        ROWS,
        "a temporary table of the same name",
        "the next tenant on the connection reads it",
        Look::Together,
        &["CREATE TEMPORARY TABLE audit_attack (id bigint)"],
    ),
    vector(
        "other-database",
        BEYOND,
        "a connection to the other's database",
        "the attacker is in it",
        Look::Connect,
        &[],
    ),
    vector(
        "activity",
        BEYOND,
        "statements of other sessions",
        "texts of the other tenant's statements are read",
        Look::Refused,
        &["SELECT query FROM pg_stat_activity", "SELECT pg_stat_get_backend_activity(1)"],
    ),
    vector(
        "signals",
        BEYOND,
        "pg_cancel_backend()",
        "sessions of the other tenant are ended",
        Look::Refused,
        &["SELECT pg_cancel_backend(0)"],
    ),
    vector(
        "advisory-locks",
        BEYOND,
        "advisory locks",
        "locks that the other tenant waits for are taken",
        Look::Refused,
        &["SELECT pg_try_advisory_xact_lock(1)"],
    ),
    vector(
        "lock-list",
        BEYOND,
        "pg_locks",
        "what other tenants do is seen",
        Look::Refused,
        &["SELECT * FROM pg_locks"],
    ),
    vector(
        "large-objects",
        BEYOND,
        "large objects",
        "files of the other tenant are read or deleted",
        Look::Refused,
        &["SELECT lo_create(0)"],
    ),
    vector(
        "prepared-transactions",
        BEYOND,
        "pg_prepared_xacts",
        "transactions of the other tenant are seen and ended",
        Look::Refused,
        &["SELECT * FROM pg_prepared_xacts"],
    ),
    vector(
        "notify",
        BEYOND,
        "pg_notify()",
        "sessions of the other tenant hear it",
        Look::Together,
        &["SELECT pg_notify('audit_attack', '')"],
    ),
    vector(
        "hidden-sql",
        BEYOND,
        "SQL in a text argument",
        "SQL is run unseen",
        Look::Refused,
        &["SELECT query_to_xml('SELECT 1', true, true, '')"],
    ),
    vector(
        "languages",
        BEYOND,
        "DO blocks",
        "loops and locks in one statement",
        Look::Together,
        &["DO $x$ BEGIN NULL; END $x$"],
    ),
    vector(
        "volumes",
        BEYOND,
        "sizes of tables",
        "the volume of all tenants is measured",
        Look::Refused,
        &["SELECT pg_total_relation_size('{table}')"],
    ),
    vector(
        "snapshots",
        BEYOND,
        "pg_export_snapshot()",
        "transactions are held open for others",
        Look::Refused,
        &["SELECT pg_export_snapshot()"],
    ),
    vector(
        "replication",
        BEYOND,
        "a replication slot",
        "every tenant's changes are read",
        Look::Refused,
        &["SELECT pg_create_logical_replication_slot('audit_attack', 'pgoutput')"],
    ),
    vector(
        "server-files",
        BEYOND,
        "files of the server",
        "files are read",
        Look::Refused,
        &["SELECT pg_read_file('PG_VERSION')"],
    ),
    vector(
        "random-seed",
        BEYOND,
        "setseed()",
        "the next tenant's random numbers are known",
        Look::Refused,
        &["SELECT setseed(0.5)"],
    ),
];
