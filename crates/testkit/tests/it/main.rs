//! Managed clusters, for real: every test starts servers of its own.

mod start;
