//! The formats for machines. Text for people is the command line's.

mod json;
mod sarif;

pub use json::json;
pub use sarif::sarif;
