//! Runs `tenantry` in an empty folder, with an environment of its own.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder to run the binary in.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a run said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path().join(name), text).unwrap();
        self
    }

    /// A command with nothing of the developer's environment that could change what it says.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
        command.current_dir(self.path());
        for name in [
            "TENANTRY_CONFIG",
            "TENANTRY_LISTEN",
            "TENANTRY_LOG",
            "TENANTRY_LOG_FORMAT",
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
            "COLUMNS",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Said::from(self.command().args(args).output().unwrap())
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// All of it, for snapshots.
impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text =
            format!("exit code {}\n", self.code.map_or("none".to_owned(), |code| code.to_string()));
        for (name, said) in [("out", &self.out), ("err", &self.err)] {
            if !said.is_empty() {
                write!(text, "--- {name}\n{said}")?;
            }
        }
        f.write_str(text.trim_end())
    }
}
