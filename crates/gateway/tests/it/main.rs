//! The gateway against real servers, in every tenancy model.

mod isolation;
mod login;
mod smoke;
mod world;
