//! `--keep DIR`: what of a demo outlives it. The server's data, its port (the catalog remembers where its cluster is),
//! and the master key, without which nobody gets in again.

use crate::failure::Refusal;
use anyhow::Context;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tenantry_core::MasterKey;

/// The folder of a kept demo.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder, or takes one that a demo made.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("can't create {}", path.display()))?;
        let path = path.canonicalize()?;
        let folder = Self { path };
        let empty = fs::read_dir(&folder.path)?.next().is_none();
        if !empty && !folder.key_file().exists() {
            return Err(Refusal::input(
                format!("{} is not empty, and no demo was kept there", folder.path.display()),
                "choose an empty or a new folder",
            )
            .into());
        }
        Ok(folder)
    }

    /// Where PostgreSQL's data is.
    pub(super) fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// The demo's master key; made on the first run, readable by its owner alone.
    pub(super) fn master_key(&self) -> anyhow::Result<MasterKey> {
        let file = self.key_file();
        if file.exists() {
            let text = fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
            return Ok(MasterKey::from_hex(&text)?);
        }
        let key = MasterKey::generate();
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
        writeln!(out, "{}", key.to_hex().expose())?;
        Ok(key)
    }

    /// The port that the server had.
    pub(super) fn port(&self) -> Option<u16> {
        fs::read_to_string(self.port_file()).ok()?.trim().parse().ok()
    }

    pub(super) fn remember_port(&self, port: u16) -> anyhow::Result<()> {
        let file = self.port_file();
        fs::write(&file, format!("{port}\n")).with_context(|| format!("can't write {}", file.display()))
    }

    fn key_file(&self) -> PathBuf {
        self.path.join("master.key")
    }

    fn port_file(&self) -> PathBuf {
        self.path.join("postgres.port")
    }
}
