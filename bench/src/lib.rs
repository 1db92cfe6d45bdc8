//! What the smaller benches have in common. The one of the gateway has its own, for it compares many processes.

pub mod figures;
