//! What the server says to the three statements that stand in the place of a COPY, and what the client is told.

use super::CopyFrom;
use bytes::{BufMut, BytesMut};
use std::sync::Arc;
use tenantry_wire::backend::{ErrorFields, tag};
use tenantry_wire::frame;

/// What becomes of a reply that ends a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is the client's.
    Own,
    /// It is one of ours.
    Ours,
    /// It is the end of a COPY: its count of rows is the COPY's.
    End,
}

/// A simple Query with COPYs in it: which statement's reply comes next.
#[derive(Debug)]
pub(crate) struct Copying {
    copies: Vec<CopyFrom>,
    /// Statements that have ended.
    ended: usize,
}

impl Copying {
    pub(crate) fn new(copies: &[CopyFrom]) -> Option<Box<Self>> {
        (!copies.is_empty()).then(|| Box::new(Self { copies: copies.to_vec(), ended: 0 }))
    }

    /// A statement has ended.
    pub(crate) fn next(&mut self) -> Step {
        let nth = self.ended;
        self.ended += 1;
        match self.copies.iter().find(|copy| (copy.first..copy.first + 3).contains(&nth)) {
            None => Step::Own,
            Some(copy) if nth == copy.first + 2 => Step::End,
            Some(_) => Step::Ours,
        }
    }

    /// The COPY that is under way.
    pub(crate) fn current(&self) -> Option<&CopyFrom> {
        self.copies.iter().find(|copy| (copy.first..copy.first + 3).contains(&self.ended))
    }
}

/// A portal of a COPY, until it is executed.
#[derive(Debug, Clone)]
pub(crate) struct CopyPortal {
    pub(crate) name: Box<[u8]>,
    pub(crate) copy: Arc<CopyFrom>,
}

const DENIED: &[u8] = b"permission denied for procedure begin_copy";

/// An error as the client would be told it of its own statement: with its table's name, and the place in its own text.
pub(crate) fn told(fields: &ErrorFields<'_>, copy: Option<&CopyFrom>, position: Option<usize>) -> BytesMut {
    let mut message = BytesMut::from(&[tag::ERROR, 0, 0, 0, 0][..]);
    for (name, text) in fields.clone() {
        match (name, copy) {
            (b'P', _) => {
                if let Some(position) = position {
                    field(&mut message, name, position.to_string().as_bytes());
                }
            }
            // Where in our functions it was said.
            (b'W', Some(_)) if text.starts_with(b"PL/pgSQL function tenancy.") => {}
            (b's', Some(_)) if text.starts_with(b"pg_temp") => {}
            // Who may not write at all may not make room for rows either.
            (b'M', Some(copy)) if text == DENIED => {
                let said = format!("permission denied for table {}", copy.table);
                field(&mut message, name, said.as_bytes());
            }
            (b'M' | b'D' | b'H' | b'W' | b't', Some(copy)) => {
                field(&mut message, name, &replaced(text, copy.stage.as_bytes(), copy.table.as_bytes()));
            }
            _ => field(&mut message, name, text),
        }
    }
    message.put_u8(0);
    let length = u32::try_from(message.len() - 1).unwrap_or(u32::MAX);
    message[1..frame::HEADER].copy_from_slice(&length.to_be_bytes());
    message
}

fn field(body: &mut BytesMut, name: u8, text: &[u8]) {
    body.put_u8(name);
    body.extend_from_slice(text);
    body.put_u8(0);
}

fn replaced(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    for found in memchr::memmem::find_iter(text, old) {
        out.extend_from_slice(&text[at..found]);
        out.extend_from_slice(new);
        at = found + old.len();
    }
    out.extend_from_slice(&text[at..]);
    out
}
