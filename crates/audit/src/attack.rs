//! The portable part of the isolation suite (being written).
