//! What a step of the tour is made of. A script is plain data, so that it reads like one.

/// One step: a claim, why it matters, and what is done to see it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) why: &'static str,
    pub(super) acts: &'static [Act],
}

/// Something that is done.
#[derive(Debug)]
pub(super) enum Act {
    /// The same statement in every tenant, each on a connection of its own that stays open.
    Everywhere { sql: &'static str, expect: Expect },
    /// A statement by one, on a connection that stays open.
    Says { who: Who, sql: &'static str, expect: Expect },
    /// Somebody connects anew, sends a statement and leaves.
    Visits { who: Who, sql: &'static str, expect: Expect },
    /// Attempts to get out of a tenant, and a look after each: it must always see the same.
    Attempts { who: Who, attempts: &'static [Attempt], look: &'static str, sees: Rows },
    /// The operator runs a command, while all others stay connected.
    Operator { command: Operation, tenant: &'static str },
}

/// One attempt to get out of a tenant.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) sql: &'static str,
    pub(super) expect: Expect,
}

/// Who sends a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// The application, in one tenant.
    Tenant(&'static str),
    /// A login, with the database that its connection string names.
    Login { user: &'static str, database: Option<&'static str> },
    /// The gateway's own role, at the pool itself: a thief who has stolen its password.
    Pool,
}

/// What the operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Suspend,
    Resume,
}

/// Rows as text; NULL is `NULL`.
pub(super) type Rows = &'static [&'static [&'static str]];

/// What must come back.
#[derive(Debug)]
pub(super) enum Expect {
    /// Exactly these rows.
    Rows(Rows),
    /// In each tenant, exactly these rows.
    Each(&'static [(&'static str, Rows)]),
    /// So many rows were written, in every tenant alike.
    Wrote(u64),
    /// Nothing but success.
    Done,
    /// An error with one of these SQLSTATEs.
    Refused(&'static [&'static str]),
}

/// "You may not."
pub(super) const NOT_ALLOWED: Expect = Expect::Refused(&["42501"]);
/// "There is no such tenant."
pub(super) const NO_SUCH_TENANT: Expect = Expect::Refused(&["3D000"]);
/// "Which tenant?"
pub(super) const WHICH_TENANT: Expect = Expect::Refused(&["08004"]);
/// "Not served now."
pub(super) const NOT_SERVED: Expect = Expect::Refused(&["57P03"]);
/// No rows.
pub(super) const NO_ROWS: Expect = Expect::Rows(&[]);
/// A count of nothing.
pub(super) const ZERO: Expect = Expect::Rows(&[&["0"]]);
