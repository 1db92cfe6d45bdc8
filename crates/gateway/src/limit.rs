//! The limits of a tenant that need arithmetic or a clock of their own.

pub(crate) mod rate;
pub(crate) mod timer;
