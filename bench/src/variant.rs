//! What is compared: the variants, and the query modes that each is run in.

use crate::args::Args;
use crate::world::{MANY, MANY_FIRST, MANY_ROWS, OWN_TENANT, ROWS, SCHEMA_TENANT, SHARED_TENANT};
use clap::ValueEnum;
use serde::Serialize;

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

/// Who stands between the clients and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Nobody,
    PgBouncer,
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
    modes: &'static [Mode],
    /// The variant without tenancy that this one is to be compared with, by way of the same number of processes.
    pub(crate) direct: &'static str,
    pub(crate) pgbouncer: &'static str,
}

const ACCOUNTS: &str = "pgbench_accounts";
const SIMPLE: &[Mode] = &[Mode::Simple];

const MAIN: Variant = Variant {
    name: "direct",
    via: Via::Nobody,
    crowd: Crowd::One(Place::Plain),
    table: ACCOUNTS,
    by_hand: None,
    rows: ROWS,
    modes: &Mode::ALL,
    direct: "direct",
    pgbouncer: "pgbouncer",
};

const BY_HAND: Variant = Variant {
    table: "accounts_by_hand",
    by_hand: Some((SHARED_TENANT, SHARED_TENANT)),
    modes: SIMPLE,
    ..MAIN
};

const HUNDRED: Variant = Variant {
    via: Via::Gateway,
    rows: MANY_ROWS,
    modes: SIMPLE,
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
const VARIANTS: [Variant; 11] = [
    MAIN,
    Variant { name: "pgbouncer", via: Via::PgBouncer, ..MAIN },
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

/// A variant in one query mode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) variant: Variant,
    pub(crate) mode: Mode,
}

/// The runs that the options ask for and PgBouncer can do.
pub(crate) fn runs(args: &Args, bouncer_knows_prepared: bool) -> Vec<Run> {
    let wanted = |v: &Variant| args.variants.is_empty() || args.variants.iter().any(|name| name == v.name);
    let mut runs = Vec::new();
    for variant in VARIANTS.into_iter().filter(wanted) {
        for mode in variant.modes.iter().copied() {
            let able = mode != Mode::Prepared || variant.via != Via::PgBouncer || bouncer_knows_prepared;
            if able && (args.modes.is_empty() || args.modes.contains(&mode)) {
                runs.push(Run { variant, mode });
            }
        }
    }
    runs
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
    pub(crate) fn clients(&self, asked: u32) -> u32 {
        if matches!(self.variant.crowd, Crowd::One(_)) { asked } else { 1 }
    }

    /// The transaction, for `pgbench --file`.
    pub(crate) fn script(&self) -> String {
        let Variant { table, by_hand, rows, .. } = self.variant;
        match by_hand {
            None => format!("\\set aid random(1, {rows})\nSELECT abalance FROM {table} WHERE aid = :aid;\n"),
            Some((first, last)) => format!(
                "\\set aid random(1, {rows})\n\\set tenant random({first}, {last})\n\
                 SELECT abalance FROM {table} WHERE tenant_id = :tenant AND aid = :aid;\n"
            ),
        }
    }
}
