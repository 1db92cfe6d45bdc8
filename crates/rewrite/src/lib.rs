//! The rewriter: a plain statement in, what it must be for shared tables out, or a refusal that says why and where.
//!
//! PostgreSQL's own grammar reads and writes the statements, never a regular expression. Nothing of the isolation guarantee rests
//! on it: a statement that is not rewritten fails or does less than in a plain database, and reaches no other tenant.
