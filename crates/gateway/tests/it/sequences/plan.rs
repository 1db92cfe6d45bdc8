//! What a client does next: statements, how they are sent, and in which company. From a seed, without knowing the answers.

use std::fmt::Write;
use tenantry_wire::frontend;

/// Random numbers that are the same everywhere (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// Adds the row with this slug.
    Insert(String),
    /// Takes away the row with this slug.
    Delete(String),
    /// Reads all rows there are to see.
    Rows,
    CopyOut,
    /// Adds a row with this slug; where COPY FROM can't be had, nothing.
    CopyIn(String),
    Begin,
    Commit,
    Rollback,
    Savepoint,
    RollbackTo,
    Fail,
    /// A setting that the server reports, and the gateway lets follow the client.
    Name(String),
    LocalName(String),
    ShowName,
    /// Settings that nobody is told of: this client's, or nobody's.
    Secret,
    ShowSecret,
    ResetAll,
    DiscardAll,
    DeallocateAll,
    /// SQL-level statement and cursor, of this client's number.
    Prepare,
    Execute,
    Hold,
    Fetch,
    /// Means harm; what it answers matters to nobody.
    Harm(&'static str),
}

/// Statements that break the caller's own context, or the next handover, or pretend to be the gateway.
const HARM: &[&str] = &[
    "SELECT forgets()",
    "SELECT becomes()",
    "SELECT tenancy.challenge()",
    "SELECT tenancy.rechallenge()",
    "SELECT tenancy.leave()",
    "SELECT tenancy.enter(1, {other}, 1, repeat('ab', 32))",
    "SELECT tenancy.admit(1, {other}, 1, repeat('ab', 32))",
    "SELECT tenancy.admit(1, {other}, 1, NULL)",
    "SELECT set_config('statement_timeout', '1', false)",
    "SET lock_timeout = 1",
    "SELECT sets_timeout()",
    "SET idle_in_transaction_session_timeout = 1",
    "SELECT idles_out()",
    "SET default_transaction_isolation = 'serializable'",
    "SET default_transaction_read_only = on",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET backtrace_functions = 't_{other}'",
    "SET search_path = pg_temp, nowhere",
    "SET ROLE NONE",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET plan_cache_mode = force_generic_plan",
    "SET row_security = off",
    "DISCARD PLANS",
    "SELECT pg_sleep(0.01)",
];

impl Op {
    /// As the client number `client` of `tenant` writes it.
    pub(super) fn sql(&self, tenant: &str, client: usize, other: i64) -> String {
        match self {
            Self::Insert(slug) => format!("INSERT INTO notes (slug, body) VALUES ('{slug}', '{tenant}')"),
            Self::Delete(slug) => format!("DELETE FROM notes WHERE slug = '{slug}'"),
            Self::Rows => "SELECT slug || '|' || body FROM notes".into(),
            Self::CopyOut => "COPY (SELECT slug || '|' || body FROM notes) TO STDOUT".into(),
            Self::CopyIn(_) => "COPY notes (slug, body) FROM STDIN".into(),
            Self::Begin => "BEGIN".into(),
            Self::Commit => "COMMIT".into(),
            Self::Rollback => "ROLLBACK".into(),
            Self::Savepoint => "SAVEPOINT s".into(),
            Self::RollbackTo => "ROLLBACK TO s".into(),
            Self::Fail => "SELECT 1/0".into(),
            Self::Name(name) => format!("SET application_name = '{name}'"),
            Self::LocalName(name) => format!("SET LOCAL application_name = '{name}'"),
            Self::ShowName => "SHOW application_name".into(),
            Self::Secret => format!("SELECT set_config('app.secret', '{tenant}{client}', false)"),
            Self::ShowSecret => "SELECT coalesce(current_setting('app.secret', true), '')".into(),
            Self::ResetAll => "RESET ALL".into(),
            Self::DiscardAll => "DISCARD ALL".into(),
            Self::DeallocateAll => "DEALLOCATE ALL".into(),
            Self::Prepare => format!("PREPARE q{client} AS SELECT slug || '|' || body FROM notes"),
            // Another client's, as often as not.
            Self::Execute => format!("EXECUTE q{}", client / 2 * 2),
            Self::Hold => {
                "DECLARE held CURSOR WITH HOLD FOR SELECT slug || '|' || body FROM notes".to_owned()
            }
            Self::Fetch => "FETCH ALL held".into(),
            Self::Harm(text) => text.replace("{other}", &other.to_string()),
        }
    }

    /// Whether its rows are rows of `notes`.
    pub(super) fn reads_notes(&self) -> bool {
        matches!(self, Self::Rows | Self::CopyOut | Self::Execute | Self::Fetch)
    }
}

/// How a statement of a pipeline is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    Unnamed,
    /// Prepared under a name that is new.
    Named(String),
    /// Prepared before.
    Known(String),
    /// Executed for one row, then for the rest.
    Limited,
}

/// What one ReadyForQuery answers.
#[derive(Debug, Clone)]
pub(super) enum Group {
    Simple(Vec<Op>),
    Extended(Vec<(Op, How)>),
}

/// What the client does while the answer is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Wait,
    Cancel,
    /// The connection is cut, without a word.
    Vanish,
}

/// What is sent in one write.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) groups: Vec<Group>,
    pub(super) then: Then,
}

/// A client's mind.
pub(super) struct Planner {
    pub(super) dice: Dice,
    pub(super) client: usize,
    pub(super) hostile: bool,
    pub(super) serial: usize,
}

impl Planner {
    fn fresh(&mut self, what: &str) -> String {
        self.serial += 1;
        let mut text = String::new();
        write!(text, "{what}{}x{}", self.client, self.serial).unwrap();
        text
    }

    fn op(&mut self, rows: &[String]) -> Op {
        match self.dice.below(if self.hostile { 46 } else { 40 }) {
            0..=6 => Op::Insert(self.fresh("c")),
            7..=8 => match rows.len() {
                0 => Op::Rows,
                many => Op::Delete(rows[self.dice.below(many)].clone()),
            },
            9..=15 => Op::Rows,
            16 => Op::CopyOut,
            17 => Op::CopyIn(self.fresh("c")),
            18..=21 => Op::Begin,
            22..=24 => Op::Commit,
            25 => Op::Rollback,
            26 => Op::Savepoint,
            27 => Op::RollbackTo,
            28 => Op::Fail,
            29 => Op::Name(self.fresh("n")),
            30 => Op::LocalName(self.fresh("l")),
            31 | 32 => Op::ShowName,
            33 => Op::Secret,
            34 => Op::ShowSecret,
            35 => [Op::ResetAll, Op::DiscardAll, Op::DeallocateAll][self.dice.below(3)].clone(),
            36 => Op::Prepare,
            37 => Op::Execute,
            38 => Op::Hold,
            39 => Op::Fetch,
            _ => Op::Harm(HARM[self.dice.below(HARM.len())]),
        }
    }

    /// The next write of a client that has these rows, and these prepared statements.
    pub(super) fn unit(&mut self, in_block: bool, rows: &[String], known: &[(String, Op)]) -> Unit {
        let mut groups = Vec::new();
        for _ in 0..=self.dice.below(4) / 2 * self.dice.below(3) {
            groups.push(self.group(rows, known));
        }
        // A block ends sooner or later: others wait for it.
        if in_block && self.dice.one_in(3) {
            groups.push(Group::Simple(vec![Op::Commit]));
        }
        let then = match self.dice.below(40) {
            0 => Then::Vanish,
            1 => Then::Cancel,
            _ => Then::Wait,
        };
        Unit { groups, then }
    }

    fn group(&mut self, rows: &[String], known: &[(String, Op)]) -> Group {
        let count = 1 + self.dice.below(3) * self.dice.below(2);
        let mut ops: Vec<Op> = (0..count).map(|_| self.op(rows)).collect();
        // COPY data may only follow what it is for.
        if let Some(at) = ops.iter().position(|op| matches!(op, Op::CopyIn(_))) {
            ops = vec![ops.swap_remove(at)];
        }
        if self.dice.one_in(2) {
            return Group::Simple(ops);
        }
        let how = |planner: &mut Self, op: Op| match planner.dice.below(6) {
            0 if matches!(op, Op::Insert(_) | Op::Rows) => (op, How::Named(planner.fresh("s"))),
            1 if matches!(op, Op::Rows) => (op, How::Limited),
            2 | 3 if matches!(op, Op::Rows) && !known.is_empty() => {
                let (name, op) = known[planner.dice.below(known.len())].clone();
                (op, How::Known(name))
            }
            _ => (op, How::Unnamed),
        };
        Group::Extended(ops.into_iter().map(|op| how(self, op)).collect())
    }
}

/// Writes the messages of a group. `sql` gives an operation's text.
pub(super) fn write(out: &mut bytes::BytesMut, group: &Group, tenant: &str, sql: impl Fn(&Op) -> String) {
    match group {
        Group::Simple(ops) => {
            let texts: Vec<String> = ops.iter().map(&sql).collect();
            frontend::query(out, &texts.join("; "));
            copy_data(out, ops.last(), tenant);
        }
        Group::Extended(ops) => {
            for (op, how) in ops {
                let name: &[u8] = match how {
                    How::Named(name) | How::Known(name) => name.as_bytes(),
                    How::Unnamed | How::Limited => b"",
                };
                if !matches!(how, How::Known(_)) {
                    frontend::parse(out, name, &sql(op), &[]);
                }
                frontend::bind_text(out, b"", name, &[]);
                frontend::describe(out, frontend::PORTAL, b"");
                if matches!(how, How::Limited) {
                    frontend::execute(out, b"", 1);
                    frontend::flush(out);
                }
                frontend::execute(out, b"", 0);
                copy_data(out, Some(op), tenant);
            }
            frontend::sync(out);
        }
    }
}

fn copy_data(out: &mut bytes::BytesMut, op: Option<&Op>, tenant: &str) {
    if let Some(Op::CopyIn(slug)) = op {
        frontend::copy_data(out, format!("{slug}\t{tenant}\n").as_bytes());
        frontend::copy_done(out);
    }
}
