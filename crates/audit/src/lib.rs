//! The auditor: what a database does not keep apart, with the evidence that proves it and the statement that mends it.
//!
//! Two kinds of rules: those of the schema engine, run over the model of a live database, and those about what no schema shows
//! (roles, privileges, settings, statistics, versions), each a query whose rows are the evidence.
