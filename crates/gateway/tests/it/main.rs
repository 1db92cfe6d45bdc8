//! The gateway against real servers, in every tenancy model.

mod faults;
mod isolation;
mod login;
mod protocol;
mod raw;
mod smoke;
mod world;
