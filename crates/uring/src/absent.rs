//! Stands for the ring where there is no Linux.

use std::io;
use std::os::fd::BorrowedFd;

#[derive(Debug)]
pub(crate) enum Ring {}

impl Ring {
    pub(crate) fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn send<'a>(
        &mut self,
        _: impl Iterator<Item = (BorrowedFd<'a>, &'a [u8])>,
    ) -> impl Iterator<Item = io::Result<usize>> {
        match *self {}
        #[expect(unreachable_code, reason = "tells the type")]
        std::iter::empty()
    }
}
