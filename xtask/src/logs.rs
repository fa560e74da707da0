//! Comparing a log, as it is written, with the one that a real kernel wrote.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use verdict::log::hide_addresses;

/// The first line that differs.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq)]
pub(crate) struct LogDifference {
    /// Counted from 1.
    pub(crate) line: usize,
    /// verdict's line; `None` when its log is over.
    pub(crate) ours: Option<String>,
    /// The kernel's line; `None` when its log is over.
    pub(crate) kernels: Option<String>,
}

/// Takes a log, hashes it with addresses hidden, and watches for the first line that differs.
pub(crate) struct LogCheck {
    hasher: Sha256,
    partial: Vec<u8>,
    line: usize,
    expected: Option<Vec<u8>>,
    expected_at: usize,
    difference: Option<LogDifference>,
}

impl LogCheck {
    /// Compares with the log in that file; where there is none, only hashes.
    pub(crate) fn new(path: &Path) -> LogCheck {
        LogCheck::against(fs::read(path).ok())
    }

    /// Compares with this log; without one, only hashes.
    pub(crate) fn against(expected: Option<Vec<u8>>) -> LogCheck {
        LogCheck {
            hasher: Sha256::new(),
            partial: Vec::new(),
            line: 0,
            expected,
            expected_at: 0,
            difference: None,
        }
    }

    /// The checksum in hexadecimal digits, and the first difference.
    pub(crate) fn finish(mut self) -> (String, Option<LogDifference>) {
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            self.take_line(rest);
        }
        if let Some(expected) = self.next_expected()
            && self.difference.is_none()
        {
            self.difference = Some(LogDifference {
                line: self.line + 1,
                ours: None,
                kernels: Some(expected),
            });
        }
        let digest = self.hasher.finalize();
        (
            digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            self.difference,
        )
    }

    fn next_expected(&mut self) -> Option<String> {
        let rest = self
            .expected
            .as_ref()?
            .get(self.expected_at..)
            .filter(|rest| !rest.is_empty())?;
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        self.expected_at += length;
        Some(String::from_utf8_lossy(rest.get(..length)?).into_owned())
    }

    fn take_line(&mut self, mut line: Vec<u8>) {
        hide_addresses(&mut line);
        self.hasher.update(&line);
        if self.expected.is_some() && self.difference.is_none() {
            let ours = String::from_utf8_lossy(&line).into_owned();
            let kernels = self.next_expected();
            if kernels.as_deref() != Some(&ours) {
                self.difference = Some(LogDifference {
                    line: self.line + 1,
                    ours: Some(ours),
                    kernels,
                });
            }
        }
        self.line += 1;
    }
}

impl Write for LogCheck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.partial);
                self.take_line(line);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
