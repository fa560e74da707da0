//! The log's bytes.

use std::io::{self, Write};

/// Bytes that are held back from the writer while the log streams: its end may be set back by a newline.
const HELD: usize = 64 * 1024;
/// The kernel formats each message into a buffer of this size, its terminator included.
const MESSAGE_LIMIT: usize = 1024;

/// What becomes of a log that is longer than the buffer that a program was loaded with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Room {
    /// There is no such buffer: everything is kept.
    #[default]
    Unlimited,
    /// The buffer of this size keeps the log's end (the kernel's default since 6.4).
    Rolling(u32),
    /// The buffer of this size keeps the log's start (`BPF_LOG_FIXED`).
    Fixed(u32),
    /// The same, but once it is full it stays so, whatever is set back (before Linux 6.4).
    Filling(u32),
}

impl Room {
    /// The buffer's size.
    pub fn size(self) -> Option<u32> {
        match self {
            Room::Unlimited => None,
            Room::Rolling(size) | Room::Fixed(size) | Room::Filling(size) => Some(size),
        }
    }
}

/// How a log ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// The size of a buffer that would have held all of it at any time, terminator included
    /// (`log_true_size`); 0 on kernels that do not tell it.
    pub true_size: u32,
    /// Whether the buffer was smaller: the kernel then fails the load with `ENOSPC`, whatever its verdict.
    pub truncated: bool,
}

/// The log's bytes: appended at the end, which may be set back.
///
/// Positions count from the first byte ever written, whether or not it is still there. A log that is set
/// back by no more than its last newline *streams*: it goes to its writer as it grows. A rolling buffer needs
/// no more memory than its size, or twice 64 KiB.
pub struct Buffer<'w> {
    out: &'w mut dyn Write,
    room: Room,
    streams: bool,
    /// The bytes from position `base` on, without those that a fixed buffer has no room for.
    bytes: Vec<u8>,
    base: u64,
    /// Where the log ends.
    end: u64,
    /// The first position that a rolling buffer still has.
    start: u64,
    /// The greatest size it ever had, terminator included.
    largest: u64,
    error: io::Result<()>,
}

impl<'w> Buffer<'w> {
    /// An empty log. `streams` says that it will never be set back by more than a newline.
    pub fn new(out: &'w mut dyn Write, room: Room, streams: bool) -> Buffer<'w> {
        Buffer {
            out,
            room,
            streams: streams && !matches!(room, Room::Rolling(_)),
            bytes: Vec::new(),
            base: 0,
            end: 0,
            start: 0,
            largest: 0,
            error: Ok(()),
        }
    }

    /// Appends one message; what is too long for the kernel's buffer of a message is cut.
    pub fn push(&mut self, message: &str) {
        let message = message.as_bytes();
        self.append(message.get(..MESSAGE_LIMIT - 1).unwrap_or(message));
    }

    /// Appends what the kernel writes in many short messages.
    pub(crate) fn push_pieces(&mut self, pieces: &str) {
        self.append(pieces.as_bytes());
    }

    /// Whether nothing more is taken, nor set back.
    fn is_full(&self) -> bool {
        match self.room {
            Room::Filling(size) => self.end >= u64::from(size).saturating_sub(1),
            Room::Unlimited | Room::Rolling(_) | Room::Fixed(_) => false,
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if let Room::Filling(size) = self.room {
            let room = u64::from(size).saturating_sub(1).saturating_sub(self.end);
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            self.bytes.extend_from_slice(&bytes[..room]);
            self.end += room as u64;
            self.stream();
            return;
        }
        self.end += bytes.len() as u64;
        self.largest = self.largest.max(self.end + 1);
        match self.room {
            Room::Unlimited => self.bytes.extend_from_slice(bytes),
            Room::Fixed(size) => {
                let last = u64::from(size).saturating_sub(1);
                let room = last.saturating_sub(self.base + self.bytes.len() as u64);
                let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
                self.bytes.extend_from_slice(&bytes[..room]);
            }
            Room::Rolling(size) => {
                self.bytes.extend_from_slice(bytes);
                self.roll(u64::from(size));
            }
            Room::Filling(_) => {}
        }
        self.stream();
    }

    fn stream(&mut self) {
        if self.streams && self.bytes.len() > 2 * HELD {
            self.write(self.bytes.len() - HELD);
        }
    }

    /// The oldest bytes make room; the terminator needs some, too.
    fn roll(&mut self, size: u64) {
        let full = self.end + 1;
        if full - self.start >= size {
            self.start = full - size;
        }
        let gone = self.start.min(self.end) - self.base;
        if gone > size.max(HELD as u64) {
            self.drop_front(usize::try_from(gone).unwrap_or(usize::MAX));
        }
    }

    /// Where the log ends.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Sets the end back to a position that it had before.
    ///
    /// A rolling buffer whose oldest byte is behind that position is empty then: what was there before is
    /// lost.
    pub fn reset(&mut self, end: u64) {
        if end > self.end || self.is_full() {
            return;
        }
        self.end = end;
        self.start = self.start.min(end);
        if end < self.base {
            self.bytes.clear();
            self.base = end;
        } else {
            self.bytes
                .truncate(usize::try_from(end - self.base).unwrap_or(usize::MAX));
        }
    }

    /// Writes what is held, and says how large the log was.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn finish(mut self) -> io::Result<Written> {
        let gone = self.start.min(self.end).saturating_sub(self.base);
        self.drop_front(usize::try_from(gone).unwrap_or(usize::MAX));
        self.write(self.bytes.len());
        let truncated = self.is_full();
        self.error?;
        if let Room::Filling(_) = self.room {
            return Ok(Written {
                true_size: 0,
                truncated,
            });
        }
        let size = self.room.size().filter(|size| *size != 0);
        Ok(Written {
            true_size: u32::try_from(self.largest).unwrap_or(u32::MAX),
            truncated: size.is_some_and(|size| self.largest > u64::from(size)),
        })
    }

    fn write(&mut self, n: usize) {
        if self.error.is_ok() {
            self.error = self.out.write_all(&self.bytes[..n]);
        }
        self.drop_front(n);
    }

    fn drop_front(&mut self, n: usize) {
        let n = n.min(self.bytes.len());
        self.bytes.drain(..n);
        self.base += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffer, HELD, Room, Written};

    /// What is read from a buffer after these steps: text is appended, a number sets the end back.
    enum Do<'a> {
        Say(&'a str),
        Back(u64),
    }
    use Do::{Back, Say};

    fn log(room: Room, steps: &[Do<'_>]) -> (String, Written) {
        let mut out = Vec::new();
        let mut buffer = Buffer::new(&mut out, room, false);
        for step in steps {
            match step {
                Say(text) => buffer.push(text),
                Back(end) => buffer.reset(*end),
            }
        }
        let written = buffer.finish().unwrap();
        (String::from_utf8(out).unwrap(), written)
    }

    fn text(room: Room, steps: &[Do<'_>]) -> String {
        log(room, steps).0
    }

    #[test]
    fn unlimited() {
        let (text, written) = log(
            Room::Unlimited,
            &[Say("abc\n"), Say("de\n"), Back(3), Say(" x\n")],
        );
        assert_eq!(text, "abc x\n");
        assert_eq!(
            written,
            Written {
                true_size: 8,
                truncated: false
            }
        );
    }

    #[test]
    fn fixed_keeps_the_start() {
        let steps = [Say("0123"), Say("4567"), Say("89")];
        assert_eq!(text(Room::Fixed(8), &steps), "0123456");
        assert_eq!(text(Room::Fixed(11), &steps), "0123456789");
        assert_eq!(text(Room::Fixed(1), &steps), "");
        assert_eq!(text(Room::Fixed(0), &steps), "");
        // Positions go on beyond the buffer, and what comes back into it is kept.
        assert_eq!(
            text(Room::Fixed(8), &[Say("0123456789"), Back(5), Say("ab")]),
            "01234ab"
        );
        assert_eq!(
            text(Room::Fixed(8), &[Say("0123456789"), Back(9), Say("ab")]),
            "0123456"
        );
    }

    #[test]
    fn rolling_keeps_the_end() {
        let steps = [Say("0123"), Say("4567"), Say("89")];
        assert_eq!(text(Room::Rolling(8), &steps), "3456789");
        assert_eq!(text(Room::Rolling(11), &steps), "0123456789");
        assert_eq!(text(Room::Rolling(1), &steps), "");
        assert_eq!(text(Room::Rolling(0), &steps), "");
        assert_eq!(
            text(Room::Rolling(4), &[Say("a message longer than the buffer")]),
            "fer"
        );
    }

    #[test]
    fn rolling_set_back() {
        // What rolled out does not come back.
        assert_eq!(
            text(Room::Rolling(8), &[Say("0123456789"), Back(5), Say("ab")]),
            "34ab"
        );
        assert_eq!(
            text(Room::Rolling(8), &[Say("0123456789"), Back(1), Say("ab")]),
            "ab"
        );
        assert_eq!(
            text(Room::Rolling(8), &[Say("0123456789"), Back(0), Say("footer")]),
            "footer"
        );
        assert_eq!(
            text(Room::Rolling(8), &[Say("0123456789"), Back(4), Say("abcdefgh")]),
            "bcdefgh"
        );
    }

    #[test]
    fn too_far_back_is_refused() {
        assert_eq!(text(Room::Unlimited, &[Say("abc"), Back(7), Say("d")]), "abcd");
    }

    #[test]
    fn true_size_is_the_largest_ever() {
        let steps = [Say("0123456789"), Back(0), Say("ab")];
        for room in [
            Room::Unlimited,
            Room::Rolling(11),
            Room::Fixed(11),
            Room::Rolling(0),
        ] {
            assert_eq!(
                log(room, &steps).1,
                Written {
                    true_size: 11,
                    truncated: false
                }
            );
        }
        // The rest would have fitted, but some time it did not.
        for room in [Room::Rolling(10), Room::Fixed(10)] {
            assert_eq!(
                log(room, &steps),
                (
                    "ab".to_owned(),
                    Written {
                        true_size: 11,
                        truncated: true
                    }
                )
            );
        }
    }

    #[test]
    fn a_message_is_cut() {
        let long = "x".repeat(2000);
        assert_eq!(
            text(Room::Unlimited, &[Say(&long), Say("\n")]),
            format!("{}\n", &long[..1023])
        );
    }

    #[test]
    fn a_rolling_buffer_is_no_larger_than_its_size() {
        let mut out = Vec::new();
        let mut buffer = Buffer::new(&mut out, Room::Rolling(1000), true);
        let line = format!("{}\n", "y".repeat(99));
        for _ in 0..100_000 {
            buffer.push(&line);
            assert!(buffer.bytes.len() <= 2 * HELD);
        }
        buffer.finish().unwrap();
        assert_eq!(out, line.repeat(10).as_bytes()[1..]);
    }

    #[test]
    fn a_streaming_log_holds_little() {
        for (room, expected) in [(Room::Unlimited, 10_000_000), (Room::Fixed(5000), 4999)] {
            let mut out = Vec::new();
            let mut buffer = Buffer::new(&mut out, room, true);
            let line = format!("{}\n", "y".repeat(99));
            for _ in 0..100_000 {
                buffer.push(&line);
                let end = buffer.end();
                buffer.reset(end - 1);
                buffer.push("\n");
                assert!(buffer.bytes.len() <= 2 * HELD);
            }
            buffer.finish().unwrap();
            assert_eq!(out.len(), expected);
        }
    }
}
