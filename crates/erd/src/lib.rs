//! Entity-relationship diagrams of a schema as each tenancy model has it, and of what differs between two.
