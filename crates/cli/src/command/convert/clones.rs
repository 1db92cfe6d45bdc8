//! `tenantry convert clones`.

use super::Place;
use crate::command::Session;
use crate::print::Document;
use crate::wiring;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_ops::convert::{self, CloneReport};

pub(super) async fn run(session: &Session, place: Place) -> anyhow::Result<()> {
    let config = session.config()?;
    let control = wiring::control(&config).await?;
    let database = place.database()?;
    let tables = convert::clones(&control, &place.cluster, &database, &config.declaration()).await?;
    session.printer().emit(&Clones { tables })
}

#[derive(Debug, Serialize)]
struct Clones {
    tables: Vec<CloneReport>,
}

impl Document for Clones {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.tables.is_empty() {
            return writeln!(out, "no table holds the same thing for several tenants");
        }
        for table in &self.tables {
            writeln!(
                out,
                "{}: {} of {} rows are copies of {} things that several tenants have (compared: {})",
                table.table,
                table.spare_rows,
                table.rows,
                table.things,
                table.columns.join(", ")
            )?;
            for example in &table.examples {
                writeln!(out, "  {} copies in {} tenants: {}", example.copies, example.tenants, example.row)?;
            }
        }
        writeln!(out, "a thing that all share can be one row of a scoped table: declare the table \"scoped\"")
    }
}
