//! Where a secret is: a file or an environment variable, never the configuration itself.

use super::ConfigError;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tenantry_core::Secret;

/// The two keys of a section that may name a secret's place.
#[derive(Debug)]
pub(super) struct SecretSource<'a> {
    pub(super) section: String,
    pub(super) keys: [&'static str; 2],
    pub(super) file: Option<&'a Path>,
    pub(super) variable: Option<&'a str>,
}

impl<'a> SecretSource<'a> {
    /// `password_file` and `password_env` of a section.
    pub(super) fn new(section: &str, file: Option<&'a Path>, variable: Option<&'a str>) -> Self {
        Self { section: section.to_owned(), keys: ["password_file", "password_env"], file, variable }
    }

    /// Reads the secret; `None` when neither key is set.
    pub(super) fn read(&self, what: &str, folder: &Path) -> Result<Option<Secret>, ConfigError> {
        let text = match (self.file, self.variable) {
            (Some(_), Some(_)) => {
                let [file_key, env_key] = self.keys.map(str::to_owned);
                return Err(ConfigError::TwoSources { section: self.section.clone(), file_key, env_key });
            }
            (Some(file), None) => {
                let path = folder.join(file);
                fs::read_to_string(&path).map_err(|source| ConfigError::SecretFile {
                    what: what.to_owned(),
                    path,
                    source,
                })?
            }
            (None, Some(name)) => env::var(name)
                .map_err(|_| ConfigError::SecretEnv { what: what.to_owned(), name: name.to_owned() })?,
            (None, None) => return Ok(None),
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(ConfigError::SecretEmpty { what: what.to_owned() });
        }
        Ok(Some(Secret::new(text)))
    }
}

/// A warning when every user of the machine can read the file. (A group may: that is how secrets are mounted.)
pub(super) fn readable_by_others(path: &Path) -> Option<String> {
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| {
        format!("every user of this machine can read the secret in {} (chmod o-r it)", path.display())
    })
}
