//! What is compared: the variants, and what each is made to do.

use crate::args::Args;
use crate::workload::{Reach, Script, Workload};
use crate::world::{MANY, MANY_FIRST, MANY_ROWS, OWN_TENANT, ROWS, SCHEMA_TENANT, SHARED_TENANT};
use clap::ValueEnum;
use serde::Serialize;
use std::fmt;

/// How `pgbench` sends a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Simple,
    Extended,
    Prepared,
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::Simple, Self::Extended, Self::Prepared];

    /// `pgbench`'s word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Extended => "extended",
            Self::Prepared => "prepared",
        }
    }
}

/// A pooler that is compared on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Other {
    Pgpool,
}

/// Who stands between the clients and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Nobody,
    PgBouncer,
    Other(Other),
    Gateway,
}

/// Which clients connect as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowd {
    /// All clients to one database or tenant, by one process.
    One(Place),
    /// A hundred clients, each a process, all to the same place.
    Hundred(Place),
    /// A hundred clients, each to its own tenant.
    HundredTenants,
}

/// What a client names as its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The database without any tenancy.
    Plain,
    Tenant(i64),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) via: Via,
    pub(crate) crowd: Crowd,
    table: &'static str,
    /// The tenants to choose from in a condition written by hand.
    by_hand: Option<(i64, i64)>,
    rows: i64,
    /// The variant without tenancy that this one is to be compared with, by way of the same number of processes.
    pub(crate) direct: &'static str,
    pub(crate) pgbouncer: &'static str,
}

const ACCOUNTS: &str = "pgbench_accounts";
/// Clients of most runs.
const CLIENTS: u32 = 16;
const SIMPLE: &[Mode] = &[Mode::Simple];

const MAIN: Variant = Variant {
    name: "direct",
    via: Via::Nobody,
    crowd: Crowd::One(Place::Plain),
    table: ACCOUNTS,
    by_hand: None,
    rows: ROWS,
    direct: "direct",
    pgbouncer: "pgbouncer",
};

const BY_HAND: Variant =
    Variant { table: "accounts_by_hand", by_hand: Some((SHARED_TENANT, SHARED_TENANT)), ..MAIN };

const HUNDRED: Variant = Variant {
    via: Via::Gateway,
    rows: MANY_ROWS,
    direct: "100 direct by hand",
    pgbouncer: "100 pgbouncer by hand",
    ..MAIN
};

const HUNDRED_BY_HAND: Variant = Variant {
    crowd: Crowd::Hundred(Place::Plain),
    table: "accounts_many",
    by_hand: Some((MANY_FIRST, MANY_FIRST + MANY - 1)),
    ..HUNDRED
};

/// In the order in which a round runs them.
const VARIANTS: [Variant; 12] = [
    MAIN,
    Variant { name: "pgbouncer", via: Via::PgBouncer, ..MAIN },
    Variant { name: "pgpool", via: Via::Other(Other::Pgpool), ..MAIN },
    Variant {
        name: "gateway shared",
        via: Via::Gateway,
        crowd: Crowd::One(Place::Tenant(SHARED_TENANT)),
        ..MAIN
    },
    Variant {
        name: "gateway schema",
        via: Via::Gateway,
        crowd: Crowd::One(Place::Tenant(SCHEMA_TENANT)),
        ..MAIN
    },
    Variant {
        name: "gateway database",
        via: Via::Gateway,
        crowd: Crowd::One(Place::Tenant(OWN_TENANT)),
        ..MAIN
    },
    Variant { name: "direct by hand", ..BY_HAND },
    Variant { name: "pgbouncer by hand", via: Via::PgBouncer, ..BY_HAND },
    Variant { name: "100 direct by hand", via: Via::Nobody, ..HUNDRED_BY_HAND },
    Variant { name: "100 pgbouncer by hand", via: Via::PgBouncer, ..HUNDRED_BY_HAND },
    Variant { name: "100 gateway one tenant", crowd: Crowd::Hundred(Place::Tenant(MANY_FIRST)), ..HUNDRED },
    Variant { name: "100 gateway tenants", crowd: Crowd::HundredTenants, ..HUNDRED },
];

/// What a run's figures may be compared with: runs that do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Task {
    pub(crate) workload: Workload,
    pub(crate) mode: Mode,
    pub(crate) clients: u32,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.workload.name())?;
        if self.workload.has_modes() {
            write!(f, " {}", self.mode.name())?;
        }
        write!(f, ", {} client{}", self.clients, if self.clients == 1 { "" } else { "s" })
    }
}

/// A variant and what it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) variant: Variant,
    pub(crate) task: Task,
}

/// The tasks that the options ask for.
fn tasks(args: &Args) -> Vec<Task> {
    let workloads = if args.workloads.is_empty() { &Workload::ALL[..] } else { &args.workloads };
    let mut tasks = Vec::new();
    for workload in workloads.iter().copied() {
        let widths = match &*args.clients {
            [] if workload == Workload::Select => &[CLIENTS, 1, 64, 256],
            [] => &[CLIENTS][..],
            asked => asked,
        };
        for clients in widths.iter().copied() {
            let small = matches!(workload, Workload::Select | Workload::Tpcb);
            let modes = match &*args.modes {
                _ if !workload.has_modes() => SIMPLE,
                [] if small && clients == CLIENTS => &Mode::ALL,
                [] => SIMPLE,
                asked => asked,
            };
            tasks.extend(modes.iter().map(|mode| Task { workload, mode: *mode, clients }));
        }
    }
    tasks
}

/// The runs that the options ask for and the poolers can do, in groups that are to be compared.
pub(crate) fn runs(args: &Args, bouncer_knows_prepared: bool) -> Vec<Run> {
    let wanted = |v: &Variant| args.variants.is_empty() || args.variants.iter().any(|name| name == v.name);
    let mut runs = Vec::new();
    for task in tasks(args) {
        let able = |v: &Variant| match v.via {
            Via::PgBouncer => task.mode != Mode::Prepared || bouncer_knows_prepared,
            // It keeps a connection for each client: one more would wait for ever.
            Via::Other(other) => args.with.contains(&other) && task.clients <= args.connections,
            Via::Nobody | Via::Gateway => true,
        };
        let one = |v: &Variant| matches!(v.crowd, Crowd::One(_)) && v.does(task);
        let variants = VARIANTS.into_iter().filter(|v| wanted(v) && able(v) && one(v));
        runs.extend(variants.map(|variant| Run { variant, task }));
    }
    // A hundred processes are a crowd of their own size.
    let hundred = Task { workload: Workload::Select, mode: Mode::Simple, clients: 100 };
    let asked = (args.workloads.is_empty() || args.workloads.contains(&Workload::Select))
        && (args.modes.is_empty() || args.modes.contains(&Mode::Simple))
        && (args.clients.is_empty() || args.clients.contains(&100));
    let crowds = VARIANTS.into_iter().filter(|v| asked && wanted(v) && !matches!(v.crowd, Crowd::One(_)));
    runs.extend(crowds.map(|variant| Run { variant, task: hundred }));
    runs
}

impl Variant {
    /// Conditions by hand are a comparison for one statement.
    fn does(&self, task: Task) -> bool {
        self.by_hand.is_none() || task.workload == Workload::Select
    }
}

impl Run {
    /// Where each process connects to.
    pub(crate) fn places(&self) -> Vec<Place> {
        match self.variant.crowd {
            Crowd::One(place) => vec![place],
            Crowd::Hundred(place) => (0..MANY).map(|_| place).collect(),
            Crowd::HundredTenants => (0..MANY).map(|n| Place::Tenant(MANY_FIRST + n)).collect(),
        }
    }

    /// Clients of each process.
    pub(crate) fn clients(&self) -> u32 {
        if matches!(self.variant.crowd, Crowd::One(_)) { self.task.clients } else { 1 }
    }

    /// The transaction.
    pub(crate) fn script(&self) -> Script {
        let Variant { table, by_hand, rows, .. } = self.variant;
        self.task.workload.script(Reach { table, rows, by_hand })
    }
}
