//! Open files: each client is one, and each server connection. What a shell gives a program is often too few.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For server connections, listeners, the catalog, files of certificates and logs.
const OTHERS: u64 = 2_048;

/// Raises this process's limit of open files as far as so many clients need and the system allows, and warns where that is
/// not enough.
pub(crate) fn make_room_for(clients: usize) {
    let needed = u64::try_from(clients).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let found = getrlimit(Resource::Nofile);
    // No limit is `None`.
    let (Some(soft), hard) = (found.current, found.maximum) else { return };
    if soft >= needed {
        return;
    }
    let raised = hard.map_or(needed, |hard| hard.min(needed));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: hard }) {
        tracing::warn!(%error, limit = soft, needed, "the limit of open files can't be raised: clients over it will not be accepted");
        return;
    }
    if raised < needed {
        tracing::warn!(
            limit = raised,
            needed,
            max_clients = clients,
            "the limit of open files is less than max_clients needs: raise the hard limit (ulimit -Hn, LimitNOFILE= in systemd) \
             or lower [gateway] max_clients"
        );
    } else {
        tracing::info!(from = soft, to = raised, "raised the limit of open files");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be_and_never_lowered() {
        let before = getrlimit(Resource::Nofile);
        make_room_for(1);
        let after = getrlimit(Resource::Nofile);
        assert!(after.current >= before.current);
        make_room_for(usize::MAX);
        if let Some(hard) = before.maximum {
            assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: Some(hard), maximum: Some(hard) });
        }
    }
}
