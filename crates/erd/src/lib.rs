//! Entity-relationship diagrams of a schema as each tenancy model has it, and of what differs between two.
//!
//! Pure, like the schema engine: a [`Graph`] is made from a model and its declaration, cut down to what is of interest,
//! and written as Mermaid, DBML, SVG, an HTML page, or text. The same graph always gives the same bytes.

mod dbml;
mod diff;
mod domain;
mod error;
pub mod graph;
mod html;
pub mod layout;
mod measure;
mod mermaid;
mod select;
#[cfg(test)]
mod specimen;
mod summary;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use dbml::dbml;
pub use diff::diff;
pub use error::ErdError;
pub use graph::{Graph, graph};
pub use html::html;
pub use mermaid::mermaid;
pub use select::{Selection, select};
pub use summary::summary;
pub use svg::svg;
