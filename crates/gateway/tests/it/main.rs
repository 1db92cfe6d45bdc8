//! The gateway against real servers, in every tenancy model.

mod isolation;
mod smoke;
mod world;
