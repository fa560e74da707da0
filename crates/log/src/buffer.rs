//! The log's bytes.

use std::io::{self, Write};

/// Bytes that are held back from the writer: the end may be set back by one newline.
const HELD: usize = 64 * 1024;
/// The kernel formats each message into a buffer of this size, its terminator included.
const MESSAGE_LIMIT: usize = 1024;

/// The log's bytes: appended at the end, which may be set back.
///
/// A log that is never set back by more than its last bytes ([`Buffer::streaming`]) goes to its writer as it
/// grows; the other kind stays in memory, where its size is bounded by the paths that are put aside.
pub struct Buffer<'w> {
    out: &'w mut dyn Write,
    bytes: Vec<u8>,
    /// Bytes written already.
    written: u64,
    streaming: bool,
    /// The end's greatest position, terminator included (`log_true_size`).
    true_size: u64,
    error: io::Result<()>,
}

impl<'w> Buffer<'w> {
    /// An empty log.
    pub fn new(out: &'w mut dyn Write, streaming: bool) -> Buffer<'w> {
        Buffer { out, bytes: Vec::new(), written: 0, streaming, true_size: 0, error: Ok(()) }
    }

    /// Appends one message; what is too long for the kernel's buffer is cut.
    pub fn push(&mut self, message: &str) {
        let cut = message.len().min(MESSAGE_LIMIT - 1);
        self.bytes.extend_from_slice(&message.as_bytes()[..cut]);
        self.true_size = self.true_size.max(self.end() + 1);
        if self.streaming && self.bytes.len() > 2 * HELD {
            let n = self.bytes.len() - HELD;
            self.write(n);
        }
    }

    /// The end's position.
    pub fn end(&self) -> u64 {
        self.written + self.bytes.len() as u64
    }

    /// Sets the end back.
    pub fn reset(&mut self, end: u64) {
        let keep = usize::try_from(end.saturating_sub(self.written)).unwrap_or(usize::MAX);
        self.bytes.truncate(keep);
    }

    /// The size that a buffer for the whole log would have needed.
    pub fn true_size(&self) -> u64 {
        self.true_size
    }

    /// Writes what is held.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn finish(mut self) -> io::Result<()> {
        let n = self.bytes.len();
        self.write(n);
        self.error
    }

    fn write(&mut self, n: usize) {
        if self.error.is_ok() {
            self.error = self.out.write_all(&self.bytes[..n]);
        }
        self.bytes.drain(..n);
        self.written += n as u64;
    }
}
