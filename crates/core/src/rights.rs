//! As whom a gateway works in a data database: as the application's role, or as its reader.
//!
//! The reader is a login role of its own beside the application's: it may see the rows that the application's role may see, and has
//! no privilege to write any. What a read-only login may do rests on that alone, whatever SQL it sends.

/// Which of a data database's two login roles a server connection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Rights {
    /// The application's role.
    #[default]
    Write,
    /// The reader.
    Read,
}

impl Rights {
    /// The name of the role, where the application's is `login`.
    pub fn role(self, login: &str) -> Box<str> {
        match self {
            Self::Write => login.into(),
            Self::Read => reader_of(login).into(),
        }
    }
}

/// What the application's roles of pools begin with.
pub const POOL_LOGIN: &str = "tenantry_app_";

/// The reader's name beside an application's role. No application's role is called so: those of pools begin otherwise, and
/// those of tenants end in digits. That of a pool is no longer than the role that it is derived from.
pub fn reader_of(login: &str) -> String {
    match login.strip_prefix(POOL_LOGIN) {
        Some(pool) => format!("tenantry_ro_{pool}"),
        None => format!("{login}_ro"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_named_after_the_application_s_roles_and_never_like_one() {
        assert_eq!(reader_of("tenantry_app_main"), "tenantry_ro_main");
        assert_eq!(reader_of("tenantry_t5"), "tenantry_t5_ro");
        // A pool's name may end like a reader's.
        assert_eq!(reader_of("tenantry_app_main_ro"), "tenantry_ro_main_ro");
        let longest = format!("{POOL_LOGIN}{}", "x".repeat(crate::ident::MAX_IDENT_BYTES - POOL_LOGIN.len()));
        assert!(reader_of(&longest).len() <= crate::ident::MAX_IDENT_BYTES);
        assert_eq!(&*Rights::Write.role("r"), "r");
        assert_eq!(&*Rights::Read.role("r"), "r_ro");
    }
}
