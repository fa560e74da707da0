//! What a kernel answered about a program, and how it is kept.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use verdict_log::hide_addresses;

/// The level at which programs are loaded: every state, and figures.
pub const LEVEL: u32 = 2 | 4;

/// The level of figures and the words of refusals alone: it costs next to nothing.
pub(crate) const FIGURES: u32 = 4;

/// More than any answers take: a bound on what a damaged file can cost.
const MOST: u64 = 512 << 20;

/// A kernel's answer about a program.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// The object's file name.
    pub object: String,
    /// The program's name there.
    pub program: String,
    /// 0 when it was loaded.
    pub errno: i32,
    /// The log of level [`LEVEL`], addresses hidden and without the time; empty where the verifier was not asked.
    pub log: String,
    /// Why the kernel was not asked about the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unasked: Option<String>,
}

/// Figures of a log's last lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Instructions processed.
    pub insns: u32,
    /// Longest list of checkpoints met.
    pub max_states: u32,
    /// Checkpoints created.
    pub states: u32,
    /// Checkpoints held.
    pub peak: u32,
}

impl Figures {
    /// Those of a log; `None` if it has none.
    pub fn of(log: &str) -> Option<Figures> {
        let line = log
            .lines()
            .rev()
            .take(8)
            .find(|line| line.starts_with("processed "))?;
        let mut words = line.split_whitespace();
        let mut after = |name: &str| {
            words.find(|word| *word == name)?;
            words.next()?.parse().ok()
        };
        Some(Figures {
            insns: after("processed")?,
            max_states: after("max_states_per_insn")?,
            states: after("total_states")?,
            peak: after("peak_states")?,
        })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} insns, {} states, peak {}, {} at most",
            self.insns, self.states, self.peak, self.max_states
        )
    }
}

impl Answer {
    /// The figures, where the verifier came to an end.
    pub fn figures(&self) -> Option<Figures> {
        Figures::of(&self.log)
    }

    /// Verdict and figures in words.
    pub fn summary(&self) -> String {
        let verdict = match (self.errno, &self.unasked) {
            (_, Some(why)) => return why.clone(),
            (0, None) => "accepted".to_owned(),
            (errno, None) => format!("refused ({})", verdict_kernel::errno::Errno(errno)),
        };
        match self.figures() {
            Some(figures) => format!("{verdict}, {figures}"),
            None => verdict,
        }
    }
}

/// What stands before the time that a verification took.
const TIME: &str = "verification time ";

/// A log as it is kept: what differs from one load to the next is made the same.
pub fn settled(mut log: Vec<u8>) -> String {
    hide_addresses(&mut log);
    let text = String::from_utf8_lossy(&log);
    // It need not begin a line: some messages have no newline.
    let Some((before, time)) = text.rsplit_once(TIME) else {
        return text.into_owned();
    };
    let rest = time.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}{TIME}0{rest}")
}

/// Writes answers as JSON lines, packed by gzip.
///
/// # Errors
/// Those of the writer.
pub fn write(answers: &[Answer], out: impl Write) -> io::Result<()> {
    let mut out = GzEncoder::new(out, Compression::best());
    for answer in answers {
        serde_json::to_writer(&mut out, answer)?;
        out.write_all(b"\n")?;
    }
    out.finish().map(|_| ())
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// Those of the reader, and that a line is no answer.
pub fn read(from: impl Read) -> io::Result<Vec<Answer>> {
    let mut text = String::new();
    GzDecoder::new(from).take(MOST).read_to_string(&mut text)?;
    let parsed = text.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_off_the_last_lines() {
        let log = "0: (b7) r0 = 0\nverification time 12 usec\nstack depth 0+8\nprocessed 12 insns (limit 1000000) \
                   max_states_per_insn 1 total_states 3 peak_states 2 mark_read 0\n";
        let figures = Figures::of(log).unwrap();
        assert_eq!(figures.to_string(), "12 insns, 3 states, peak 2, 1 at most");
        for without in [
            "",
            "processed",
            "processed x insns",
            "processed 12 insns (limit 1)",
        ] {
            assert_eq!(Figures::of(without), None, "{without}");
        }
    }

    #[test]
    fn answers_are_read_as_they_were_written() {
        let log = settled(b"R1=map_ptr(ks = 0xff12345678901234)\nverification time 3 usec\nend".to_vec());
        assert!(log.ends_with("verification time 0 usec\nend"), "{log}");
        let answers = vec![
            Answer {
                object: "a.bpf.o".to_owned(),
                program: "p".to_owned(),
                errno: 13,
                log,
                unasked: None,
            },
            Answer {
                unasked: Some("no such map".to_owned()),
                ..Answer::default()
            },
        ];
        let mut packed = Vec::new();
        write(&answers, &mut packed).unwrap();
        assert_eq!(read(packed.as_slice()).unwrap(), answers);
        assert!(read(&packed[..packed.len() / 2]).is_err());
        assert!(read(&b"nothing"[..]).is_err());
    }
}
