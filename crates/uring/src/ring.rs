//! An io_uring that is used synchronously.

use io_uring::{IoUring, Probe, opcode, squeue, types};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// So many leave in one system call; more take several.
const ENTRIES: u32 = 64;

/// Not a result of any system call: the kernel was not asked.
const NOT_ASKED: i32 = -libc::EAGAIN;

pub(crate) struct Ring {
    kernel: IoUring,
    sends: Vec<squeue::Entry>,
    results: Vec<i32>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}

impl Ring {
    /// An error where the kernel has no io_uring, or lets nobody use it.
    pub(crate) fn new() -> io::Result<Self> {
        // What only newer kernels have saves them some work.
        let newest = IoUring::builder().setup_single_issuer().setup_coop_taskrun().build(ENTRIES);
        let mut ring = newest.or_else(|_| IoUring::new(ENTRIES))?;
        let mut known = Probe::new();
        ring.submitter().register_probe(&mut known)?;
        if !known.is_supported(opcode::Send::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // Rules may let a ring be made and then not be used.
        let nothing = opcode::Nop::new().build();
        #[expect(unsafe_code, reason = "see the crate's header")]
        // SAFETY: it refers to nothing.
        let pushed = unsafe { ring.submission().push(&nothing) };
        pushed.expect("the queue is empty");
        ring.submit_and_wait(1)?;
        if ring.completion().next().is_none() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Self { kernel: ring, sends: Vec::new(), results: Vec::new() })
    }

    /// Sends to each socket what it takes at once, and says in the same order how much that was. `WouldBlock`: nothing.
    pub(crate) fn send<'a>(
        &mut self,
        sends: impl Iterator<Item = (BorrowedFd<'a>, &'a [u8])>,
    ) -> impl Iterator<Item = io::Result<usize>> {
        const FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        self.sends.clear();
        self.sends.extend(sends.map(|(socket, bytes)| {
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), len).flags(FLAGS).build()
        }));
        self.results.clear();
        self.results.resize(self.sends.len(), NOT_ASKED);
        let (sends, results) =
            (self.sends.chunks(ENTRIES as usize), self.results.chunks_mut(ENTRIES as usize));
        for (sends, results) in sends.zip(results) {
            submit(&mut self.kernel, sends, results);
        }
        self.results.iter().map(|result| match usize::try_from(*result) {
            Ok(sent) => Ok(sent),
            Err(_) => Err(io::Error::from_raw_os_error(-result)),
        })
    }
}

/// Returns when the kernel is done with all of them, or has not seen them.
fn submit(ring: &mut IoUring, sends: &[squeue::Entry], results: &mut [i32]) {
    for (number, send) in (0..).zip(sends) {
        let send = send.clone().user_data(number);
        #[expect(unsafe_code, reason = "see the crate's header")]
        // SAFETY: the bytes outlive this function, which does not return before the kernel has answered for each.
        let pushed = unsafe { ring.submission().push(&send) };
        pushed.expect("the queue was empty, and is as long as what is pushed");
    }
    let mut outstanding = sends.len();
    while outstanding > 0 {
        // Sends that may not wait are done as they are submitted, so that this is the only round.
        if let Err(error) = ring.submit_and_wait(outstanding)
            && !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY))
        {
            // The kernel neither answers nor lets us wait, and may still be reading the bytes.
            std::process::abort();
        }
        for done in ring.completion() {
            outstanding -= 1;
            let result = usize::try_from(done.user_data()).ok().and_then(|number| results.get_mut(number));
            if let Some(result) = result {
                *result = done.result();
            }
        }
    }
}
