//! The operating-system user that runs PostgreSQL, which refuses to run as root.

use crate::error::PostgresError;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Whom the server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    gid: u32,
    /// We are root and this is somebody else: files must be handed over, commands started as that user.
    other: bool,
}

impl Account {
    /// Ourselves, or when we are root: `user`, else `postgres`, else `nobody`.
    pub(crate) fn choose(user: Option<&str>) -> Result<Self, PostgresError> {
        let uid = rustix::process::geteuid().as_raw();
        if uid != 0 {
            let gid = rustix::process::getegid().as_raw();
            return Ok(Self { name: format!("user {uid}"), uid, gid, other: false });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let candidates = user.map_or(vec!["postgres", "nobody"], |user| vec![user]);
        candidates
            .iter()
            .find_map(|name| in_passwd(&passwd, name))
            .ok_or_else(|| PostgresError::NoAccount { user: candidates[0].to_owned() })
    }

    /// Makes `command` run as this user.
    pub(crate) fn dress(&self, command: &mut Command) {
        if self.other {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Hands a file or directory over to this user.
    pub(crate) fn give(&self, path: &Path) -> Result<(), PostgresError> {
        if self.other {
            chown(path, Some(self.uid), Some(self.gid)).map_err(PostgresError::io("hand over", path))?;
        }
        Ok(())
    }

    /// Whether this user can pass through every directory down to `path`, and (for a directory) into it.
    pub(crate) fn can_reach(&self, path: &Path) -> bool {
        let Ok(path) = fs::canonicalize(path) else { return false };
        path.ancestors().all(|part| fs::metadata(part).is_ok_and(|meta| self.may_execute(&meta)))
    }

    fn may_execute(&self, meta: &fs::Metadata) -> bool {
        let mode = meta.permissions().mode();
        let bit = if meta.uid() == self.uid {
            0o100
        } else if meta.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }
}

/// Reads one line of `/etc/passwd`: name, password, uid, gid. Root is no answer.
fn in_passwd(passwd: &str, name: &str) -> Option<Account> {
    let mut fields =
        passwd.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
    let (uid, gid) = (fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?);
    (uid != 0).then(|| Account { name: name.to_owned(), uid, gid, other: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_users_but_never_root() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533::/:/bin/false\npg:x:0:0::/:/bin/sh\n";
        let nobody = in_passwd(passwd, "nobody").unwrap();
        assert_eq!((nobody.uid, nobody.gid), (65534, 65533));
        assert_eq!(in_passwd(passwd, "pg"), None);
        assert_eq!(in_passwd(passwd, "nob"), None);
    }

    #[test]
    fn a_closed_folder_stops_others_but_not_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let owner = fs::metadata(dir.path()).unwrap().uid();
        let account = |uid| Account { name: "x".into(), uid, gid: 4_000_000, other: false };
        assert!(account(owner).can_reach(&inner));
        assert!(!account(owner + 4_000_000).can_reach(&inner));
    }
}
