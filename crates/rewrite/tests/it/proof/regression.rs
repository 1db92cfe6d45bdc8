//! Cases that once failed, as SQL: they outlive changes of the generators.
