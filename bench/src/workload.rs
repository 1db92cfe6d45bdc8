//! What a client does, over and over.

use clap::ValueEnum;
use serde::Serialize;

/// Rows of a large result, and of a COPY.
pub(crate) const LARGE: i64 = 1_000;
/// Branches of TPC-B: enough that clients seldom wait for each other's row.
pub(crate) const BRANCHES: i64 = 100;

/// One transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// One row by its key: `pgbench --select-only`.
    Select,
    /// Seven statements, five of which write: what pgbench calls TPC-B-like.
    Tpcb,
    /// A thousand rows in one result.
    Large,
    /// The same thousand rows by COPY TO.
    CopyOut,
    /// A thousand rows by COPY FROM.
    CopyIn,
}

/// The rows that a tenant has, and the condition that a statement needs where its tenant is written by hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) table: &'static str,
    pub(crate) rows: i64,
    pub(crate) by_hand: Option<(i64, i64)>,
}

/// What sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Script {
    /// `pgbench --file`.
    Pgbench(String),
    /// This program: pgbench knows no COPY.
    CopyOut(String),
    CopyIn(String),
}

impl Workload {
    pub(crate) const ALL: [Self; 5] = [Self::Select, Self::Tpcb, Self::Large, Self::CopyOut, Self::CopyIn];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Tpcb => "tpcb",
            Self::Large => "large",
            Self::CopyOut => "copy-out",
            Self::CopyIn => "copy-in",
        }
    }

    /// Whether it has query modes; COPY is itself.
    pub(crate) const fn has_modes(self) -> bool {
        !matches!(self, Self::CopyOut | Self::CopyIn)
    }

    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::Tpcb | Self::CopyIn)
    }

    pub(crate) fn script(self, reach: Reach) -> Script {
        let Reach { table, rows, by_hand } = reach;
        let columns = "aid, bid, abalance, filler";
        match (self, by_hand) {
            (Self::Select, None) => Script::Pgbench(format!(
                "\\set aid random(1, {rows})\nSELECT abalance FROM {table} WHERE aid = :aid;\n"
            )),
            (Self::Select, Some((first, last))) => Script::Pgbench(format!(
                "\\set aid random(1, {rows})\n\\set tenant random({first}, {last})\n\
                 SELECT abalance FROM {table} WHERE tenant_id = :tenant AND aid = :aid;\n"
            )),
            (Self::Tpcb, _) => Script::Pgbench(
                include_str!("tpcb.sql")
                    .replace("{rows}", &rows.to_string())
                    .replace("{branches}", &BRANCHES.to_string())
                    .replace("{tellers}", &(BRANCHES * 10).to_string()),
            ),
            (Self::Large, _) => Script::Pgbench(format!(
                "\\set aid random(1, {})\nSELECT {columns} FROM {table} WHERE aid BETWEEN :aid AND :aid + {};\n",
                rows - LARGE,
                LARGE - 1
            )),
            (Self::CopyOut, _) => Script::CopyOut(format!(
                "COPY (SELECT {columns} FROM {table} WHERE aid <= {LARGE}) TO STDOUT"
            )),
            (Self::CopyIn, _) => {
                Script::CopyIn("COPY pgbench_history (tid, bid, aid, delta, mtime, filler) FROM STDIN".into())
            }
        }
    }
}
