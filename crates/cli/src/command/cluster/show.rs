//! `tenantry cluster show`: a cluster's servers, each asked what it is and how far it is.

use crate::command::Session;
use crate::print::{Document, grid};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_ops::cluster::servers::{self, Answer};

pub(super) async fn run(session: &Session, name: &str) -> anyhow::Result<()> {
    let (_, control) = session.control().await?;
    let servers = servers::ask(&control, name).await?;
    session
        .printer()
        .emit(&Shown { cluster: name.to_owned(), servers: servers.into_iter().map(Into::into).collect() })
}

#[derive(Debug, Serialize)]
struct Shown {
    cluster: String,
    servers: Vec<ServerDocument>,
}

#[derive(Debug, Serialize)]
struct ServerDocument {
    server: String,
    /// What the configuration takes it for: `primary` (it may be), `replica`, or both.
    named: Vec<&'static str>,
    /// What it says that it is.
    role: &'static str,
    /// Write-ahead log of the primary that a replica has not replayed.
    behind_bytes: Option<u64>,
    /// Why it could not be asked.
    error: Option<String>,
}

impl From<servers::Server> for ServerDocument {
    fn from(server: servers::Server) -> Self {
        let named = [(server.may_lead, "primary"), (server.takes_reads, "replica")];
        let (role, behind_bytes, error) = match server.answer {
            Answer::Primary => ("primary", None, None),
            Answer::Replica { behind_bytes } => ("replica", behind_bytes, None),
            Answer::None(error) => ("unreachable", None, Some(error)),
        };
        Self {
            server: server.address.to_string(),
            named: named.into_iter().filter_map(|(is, word)| is.then_some(word)).collect(),
            role,
            behind_bytes,
            error,
        }
    }
}

impl Document for Shown {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = grid(["SERVER", "NAMED AS", "IS", "BEHIND"]);
        for server in &self.servers {
            let behind = match (&server.error, server.behind_bytes) {
                (Some(error), _) => error.clone(),
                (None, Some(bytes)) => format!("{bytes} bytes"),
                (None, None) => "-".to_owned(),
            };
            table.row([server.server.clone(), server.named.join(", "), server.role.to_owned(), behind]);
        }
        table.write(out)
    }
}
