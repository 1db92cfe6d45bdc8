//! Settings on their way that end with their transaction, so that their command tags are no reason to ask what it left behind.
//!
//! A tag says only `SET`. Which statement it answers is certain where the texts are: so those are counted that are executed and pass
//! (`lex/passing.rs`), until the server is ready for the next query; and one that fails takes the others with it.

use crate::lex;

#[derive(Debug, Default)]
pub(super) struct Passing {
    /// The unnamed portal is one.
    bound: bool,
    /// Executed, and not answered yet.
    under_way: u32,
}

impl Passing {
    pub(super) fn query(&mut self, text: &[u8]) {
        self.under_way += u32::from(lex::passes(text));
    }

    pub(super) fn bind(&mut self, portal: &[u8], passes: bool) {
        // Of portals with names nothing is known here.
        self.bound = passes && portal.is_empty();
    }

    /// An Execute message: the portal's name comes first.
    pub(super) fn execute(&mut self, body: &[u8]) {
        self.under_way += u32::from(self.bound && body.first() == Some(&0));
    }

    /// Whether this tag is that of a setting that passes. Each is asked about once.
    pub(super) fn ends_with(&mut self, command: &[u8]) -> bool {
        let is_one = self.under_way > 0 && matches!(command, b"SET" | b"SET CONSTRAINTS");
        self.under_way -= u32::from(is_one);
        is_one
    }

    pub(super) fn end(&mut self) {
        self.under_way = 0;
    }
}
