//! Loading a program with a log.

use std::io::{self, Write};

use verdict_engine::observer::Observer;
use verdict_engine::{Outcome, Rejected, Stats, Verdict, verify};
use verdict_isa::{Disasm, Names};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::helper::helper_name;
use verdict_kernel::rule::{Fact, Role, Rule};
use verdict_loader::{limit_words, strerror};
use verdict_log::{Level, Log, Normalize, Written, write_listing};
use verdict_report::explanation::{Explanation, Source};
use verdict_report::{GaveUp, Place};
use verdict_syscall::Prog;

use crate::answer::End;
use crate::verifier::{Loaded, OpenObject};

/// Which log of a program is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions<'o> {
    /// `log_level`: 1 the last path, 2 all paths, 4 figures, 8 the start of a log that is too long; added up.
    pub level: u32,
    /// Size of the buffer for the log; without one everything is kept.
    pub size: Option<u32>,
    /// Make addresses of the kernel zeros, as recordings of logs have them ([`verdict_log::hide_addresses`]).
    pub normalize: bool,
    /// Show what libbpf makes of the log.
    pub libbpf: Libbpf<'o>,
    /// Leave out what is said before so many instructions were executed ([`Log::told_from`]).
    pub told_from: u64,
}

impl Default for LogOptions<'_> {
    fn default() -> Self {
        LogOptions {
            level: 1,
            size: None,
            normalize: false,
            libbpf: Libbpf::Absent,
            told_from: 0,
        }
    }
}

/// What libbpf does with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libbpf<'o> {
    /// Nothing: it is the kernel's.
    Absent,
    /// It explains instructions that it poisoned itself; programs that read the log see this.
    Explains,
    /// It prints it, with what it says around it. The path is the one by which the object was opened.
    Prints(&'o str),
}

/// How loading with a log ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEnd {
    /// How large the log was; `None` if the kernel's verifier was never asked.
    pub written: Option<Written>,
    /// Whether the program was loaded.
    pub result: Result<(), NotLoaded>,
}

/// Why a program was not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotLoaded {
    /// libbpf gave up with these messages.
    Libbpf(Errno, Vec<String>),
    /// The kernel refused it; or its log was too long for the buffer (`ENOSPC`).
    Kernel(Errno),
    /// Something is not modelled: the log breaks off.
    Unsupported(String),
    /// What the verification may take was used up: the log breaks off.
    GaveUp(GaveUp),
}

impl std::fmt::Display for NotLoaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotLoaded::Libbpf(errno, messages) => {
                let first = messages.first().map_or("", String::as_str);
                write!(f, "{errno} by libbpf: {}", first.trim_start_matches("libbpf: "))
            }
            NotLoaded::Kernel(errno) => write!(f, "{errno} by the kernel"),
            NotLoaded::Unsupported(what) => write!(f, "unsupported: {what}"),
            NotLoaded::GaveUp(what) => write!(f, "gave up: {}", what.name()),
        }
    }
}

impl std::error::Error for NotLoaded {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            NotLoaded::Libbpf(errno, _) | NotLoaded::Kernel(errno) => Some(errno),
            NotLoaded::Unsupported(_) | NotLoaded::GaveUp(_) => None,
        }
    }
}

impl OpenObject<'_> {
    /// Loads one program and writes the log of this level that a program sees which loads it with libbpf.
    /// Where the kernel would show an address of its own, the log has `0xff00000000000000`.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn log(&self, index: usize, level: u32, out: &mut dyn Write) -> io::Result<()> {
        let libbpf = Libbpf::Explains;
        let options = LogOptions {
            level,
            libbpf,
            ..LogOptions::default()
        };
        self.write_log(index, &options, out).map(|_| ())
    }

    /// Loads one program and writes its log.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn write_log(
        &self,
        index: usize,
        options: &LogOptions<'_>,
        out: &mut dyn Write,
    ) -> io::Result<LogEnd> {
        if !options.normalize {
            return self.listen(index, options, out).1;
        }
        let mut out = Normalize::new(out);
        let end = self.listen(index, options, &mut out).1;
        out.finish()?;
        end
    }

    /// Lists the instructions of one program as the kernel is handed them: relocated, with its subprograms.
    /// The kernel is not asked about them; what it says of the others that are loaded before counts.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn write_insns(&self, index: usize, out: &mut dyn Write) -> io::Result<Result<(), NotLoaded>> {
        let mut written = Ok(());
        let loaded = self.load(index, &mut |kernel, prog| {
            written = write_listing(kernel, prog, out);
            let (verdict, stats) = (Verdict::Accepted, Stats::default());
            Outcome { verdict, stats }
        });
        written.map(|()| loaded.end.into())
    }

    /// Loads one program with a listener of one's own. Gives the listener back, if the verifier was asked.
    pub(crate) fn observe<O: Observer>(
        &self,
        index: usize,
        listener: O,
    ) -> (Option<O>, Result<(), NotLoaded>) {
        let (mut before, mut after) = (Some(listener), None);
        let loaded = self.load(index, &mut |kernel, prog| {
            let mut listener = before.take().or_else(|| after.take());
            let outcome = match &mut listener {
                Some(listener) => verify(kernel, prog, listener),
                None => verify(kernel, prog, &mut verdict_engine::observer::Silent),
            };
            after = listener;
            outcome
        });
        (after, loaded.end.into())
    }

    /// Loads the program with a log; gives what was found out about a rejection.
    pub(crate) fn listen(
        &self,
        index: usize,
        options: &LogOptions<'_>,
        out: &mut dyn Write,
    ) -> (Found, io::Result<LogEnd>) {
        self.listen_with(index, options, out, &mut |kernel, prog, log, _| {
            verify(kernel, prog, log)
        })
    }

    /// The same, where something else may listen, too.
    pub(crate) fn listen_with(
        &self,
        index: usize,
        options: &LogOptions<'_>,
        out: &mut dyn Write,
        run: Run<'_>,
    ) -> (Found, io::Result<LogEnd>) {
        let (mut found, mut written) = (Found::default(), Ok(None));
        let kernel = self.verifier.kernel();
        let level = Level(options.level);
        if kernel.unknown_rules().is_none() && !level.accepts(options.size, kernel) {
            let result = Err(NotLoaded::Kernel(Errno::EINVAL));
            return (
                found,
                Ok(LogEnd {
                    written: Some(Written::default()),
                    result,
                }),
            );
        }
        let mut printer = Printer::new(out, options.libbpf, self.object.program_name(index));
        printer.memlock = self.verifier.kernel().memlock();
        let loaded = self.load(index, &mut |kernel, prog| {
            let mut log = Log::sized(kernel, prog, Level(options.level), options.size, &mut printer)
                .told_from(options.told_from);
            let mut explanation = None;
            let outcome = run(kernel, prog, &mut log, &mut explanation);
            written = log.finish().map(Some);
            if let Verdict::Rejected(rejected) = &outcome.verdict {
                found = Found::of(prog, rejected);
                found.explanation = explanation;
            }
            outcome
        });
        let Loaded { mut end, refused, .. } = loaded;
        let written = match written {
            Ok(written) => written,
            Err(error) => return (found, Err(error)),
        };
        if written.is_some_and(|written| written.truncated) && matches!(end, End::Accepted | End::Kernel(_)) {
            end = End::Kernel(Rule::LogBuffer.with(Errno::ENOSPC));
        }
        if let (End::Kernel(_), Some((prepared, at))) = (&end, &refused)
            && options.libbpf != Libbpf::Absent
        {
            self.object.fixup_log(prepared, *at, &mut printer.held);
        }
        let result = end.into();
        let finished = printer.finish(&result);
        (found, finished.map(|()| LogEnd { written, result }))
    }
}

impl From<End> for Result<(), NotLoaded> {
    fn from(end: End) -> Self {
        match end {
            End::Accepted => Ok(()),
            End::Libbpf(broken, messages) => {
                let lines = messages.iter().map(|line| line.to_string());
                Err(NotLoaded::Libbpf(broken.errno, lines.collect()))
            }
            End::Kernel(broken) => Err(NotLoaded::Kernel(broken.errno)),
            End::Unsupported(what) => Err(NotLoaded::Unsupported(what)),
            End::GaveUp(what) => Err(NotLoaded::GaveUp(what)),
        }
    }
}

/// How a program is verified that is listened to, and what is found out about a rejection on the way.
pub(crate) type Run<'r> =
    &'r mut dyn FnMut(&Kernel, &Prog, &mut Log<'_>, &mut Option<Explanation>) -> Outcome;

/// A writer that keeps the end of the log back, which libbpf may rewrite, and writes what libbpf says around
/// it.
struct Printer<'w> {
    out: &'w mut dyn Write,
    held: Vec<u8>,
    libbpf: Libbpf<'w>,
    program: &'w str,
    /// The limit that libbpf names where permission is denied.
    memlock: Option<u64>,
}

impl<'w> Printer<'w> {
    /// Bytes kept back: more than libbpf looks at.
    const SIZE: usize = 64 * 1024;

    fn new(out: &'w mut dyn Write, libbpf: Libbpf<'w>, program: &'w str) -> Self {
        Printer {
            out,
            held: Vec::new(),
            libbpf,
            program,
            memlock: None,
        }
    }

    /// Writes what was kept back and what libbpf says at the end (`bpf_object_load_prog` and its callers).
    fn finish(self, result: &Result<(), NotLoaded>) -> io::Result<()> {
        let Printer {
            out,
            held,
            libbpf,
            program,
            memlock,
        } = self;
        let Libbpf::Prints(path) = libbpf else {
            return out.write_all(&held);
        };
        if let Err(NotLoaded::Libbpf(_, messages)) = result {
            for message in messages {
                writeln!(out, "{message}")?;
            }
        }
        if let Err(NotLoaded::Kernel(errno)) = result {
            let error = strerror(*errno);
            writeln!(out, "libbpf: prog '{program}': BPF program load failed: {error}")?;
            if let (Some(limit), Errno::EPERM) = (memlock, *errno) {
                writeln!(out, "libbpf: {}", limit_words(limit))?;
            }
        }
        if !held.is_empty() {
            writeln!(out, "libbpf: prog '{program}': -- BEGIN PROG LOAD LOG --")?;
            out.write_all(&held)?;
            writeln!(out, "-- END PROG LOAD LOG --")?;
        }
        if let Err(NotLoaded::Kernel(errno)) = result {
            writeln!(out, "libbpf: prog '{program}': failed to load: -{}", errno.0)?;
            writeln!(out, "libbpf: failed to load object '{path}'")?;
        }
        Ok(())
    }
}

impl Write for Printer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        // libbpf says that the load failed before it shows the log.
        let streams = !matches!(self.libbpf, Libbpf::Prints(_));
        if streams && self.held.len() > 2 * Printer::SIZE {
            let surplus = self.held.len() - Printer::SIZE;
            self.out.write_all(self.held.get(..surplus).unwrap_or_default())?;
            self.held.drain(..surplus);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What a listener finds out about a rejection.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) place: Option<Place>,
    pub(crate) fact: Option<Fact>,
    pub(crate) origin: Option<(Role, Place)>,
    pub(crate) explanation: Option<Explanation>,
}

impl Found {
    pub(crate) fn of(prog: &Prog, rejected: &Rejected) -> Found {
        let origin = rejected
            .origin
            .and_then(|origin| Some((origin.role, place_of(prog, origin.insn)?)));
        Found {
            place: rejected.insn.and_then(|insn| place_of(prog, insn)),
            fact: rejected.fact,
            origin,
            explanation: None,
        }
    }
}

/// The instruction, and the source line that it belongs to.
fn place_of(prog: &Prog, insn: u32) -> Option<Place> {
    let at = usize::try_from(insn).ok()?;
    let text = Disasm::new(prog.insns.get(at)?, prog.insns.get(at + 1), &HelperNames).to_string();
    let line = prog
        .line_info
        .iter()
        .take_while(|line| line.insn_off <= insn)
        .last();
    let source = line.zip(prog.btf.as_ref()).map(|(line, btf)| Source {
        file: btf.btf.name(line.file_name_off).to_string(),
        line: line.line(),
        text: btf.btf.name(line.line_off).to_string(),
        ..Source::default()
    });
    Some(Place::new(at, text, source))
}

/// Names in instructions, as far as they are known without the program's own.
struct HelperNames;

impl Names for HelperNames {
    fn helper(&self, id: i32) -> Option<&str> {
        helper_name(u32::try_from(id).ok()?)
    }
}
