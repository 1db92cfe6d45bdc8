//! `tenantry gateway`: coming from another pooler. The gateway itself is run by `tenantry serve`.

use super::Session;
use crate::failure::Refusal;
use crate::pgbouncer::{self, Import, Verdict};
use crate::print::Document;
use anyhow::Context;
use clap::Args;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// Read this pgbouncer.ini, with what it includes, and say what corresponds to it: a configuration, commands, and line by line
    /// what can't be kept
    #[arg(long, value_name = "FILE", required = true)]
    from_pgbouncer: PathBuf,
    /// Write the configuration to this file, which must not exist
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(session: &Session, args: &GatewayArgs) -> anyhow::Result<()> {
    let import = pgbouncer::read(&args.from_pgbouncer)
        .with_context(|| format!("can't read {}", args.from_pgbouncer.display()))?;
    if let Some(path) = &args.output {
        let written =
            File::create_new(path).and_then(|mut file| file.write_all(import.configuration.as_bytes()));
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Refusal::input(format!("{} is there already", path.display()), "name another file").into()
            }
            _ => anyhow::Error::new(error).context(format!("can't write {}", path.display())),
        })?;
        session.printer().note(&format!("wrote {}", path.display()));
    }
    session.printer().emit(&import)
}

impl Document for Import {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "# tenantry.toml\n\n{}", self.configuration)?;
        writeln!(out, "# Then, in this order\n")?;
        for command in &self.commands {
            writeln!(out, "{command}")?;
        }
        for (verdict, title) in [
            (Verdict::Lost, "Not kept"),
            (Verdict::Changed, "Different here"),
            (Verdict::Needless, "Not needed here"),
            (Verdict::Kept, "Kept"),
        ] {
            let lines: Vec<_> = self.lines.iter().filter(|line| line.verdict == verdict).collect();
            if !lines.is_empty() {
                writeln!(out, "\n# {title}\n")?;
            }
            for line in lines {
                writeln!(out, "{}:{}: {}\n    {}", line.file, line.number, line.text, line.why)?;
            }
        }
        Ok(())
    }
}
