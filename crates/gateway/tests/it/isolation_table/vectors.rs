//! What one tenant can try against another, or leave behind for it: the list that every run is made from.
//!
//! In the statements `{own}` and `{other}` are the tenants' ids, `{setting}` and `{forged}` the setting that carries the tenant
//! and what it would hold for the other, `{theirs}` the other's rows as one would name them, `{plant}` what an INSERT into them
//! says behind INTO, `{database}` the database that the attacker is connected to.

mod beyond;
mod context;
mod left;
mod rows;

/// One thing to try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vector {
    pub(super) name: &'static str,
    pub(super) class: Class,
    /// Options of the attacker's startup packet.
    pub(super) options: &'static str,
    /// Statements, one after the other whatever they answer.
    pub(super) tries: &'static [&'static str],
    /// What the other tenant asks afterwards: the answer must be what it was before.
    pub(super) look: Look,
    /// It needs its connection: the other gets it when the attacker is gone.
    pub(super) keeps: bool,
    /// What the gateway's clients meet, in shared tables, in a schema and in a database of their own: an SQLSTATE, or `-` where all
    /// statements are executed.
    pub(super) meets: [&'static str; 3],
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Context,
    Rows,
    Beyond,
    Left,
}

impl Class {
    pub(super) const ALL: [Self; 4] = [Self::Context, Self::Rows, Self::Beyond, Self::Left];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Context => "Forging the tenant",
            Self::Rows => "Past row-level security",
            Self::Beyond => "Beyond rows: oracles, and what a shared role reaches",
            Self::Left => "Left behind on the connection",
        }
    }
}

/// What the other tenant asks, beside what it always asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Nothing,
    Sql(&'static str),
    /// Runs the unnamed statement that it has not prepared.
    Unnamed,
    /// Runs a portal that it has not bound.
    Portal,
}

/// Where all models refuse alike.
const REFUSED: [&str; 3] = ["42501"; 3];
/// Where all statements are executed, and reach nobody.
const RUNS: [&str; 3] = ["-"; 3];

const fn vector(
    name: &'static str,
    class: Class,
    tries: &'static [&'static str],
    meets: [&'static str; 3],
) -> Vector {
    Vector { name, class, options: "", tries, look: Look::Nothing, keeps: false, meets }
}

impl Vector {
    const fn looking(self, sql: &'static str) -> Self {
        Self { look: Look::Sql(sql), ..self }
    }

    const fn keeping(self) -> Self {
        Self { keeps: true, ..self }
    }
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Vector> {
    [context::VECTORS, rows::VECTORS, beyond::VECTORS, left::VECTORS].into_iter().flatten()
}
