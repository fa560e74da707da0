//! Opening an object, loading its programs one at a time, and asking the engine.

use std::io::{self, Write};
use std::time::Instant;

use verdict_engine::observer::Silent;
use verdict_engine::{Outcome, Verdict, verify};
use verdict_isa::{Disasm, Names};
use verdict_kernel::Kernel;
use verdict_kernel::attr::ProgLoad;
use verdict_kernel::helper::helper_name;
use verdict_loader::{Manner, Object, OpenError, Prepared, ProgFacts};
use verdict_log::{Level, Log};
use verdict_report::Place;
use verdict_syscall::prog::{LoadError, flags};
use verdict_syscall::{Prog, Session};

use crate::Answer;
use crate::answer::End;
use crate::bridge::Bridge;
use crate::last_words::last_words;

/// How programs are verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Create a state at every prune point (`BPF_F_TEST_STATE_FREQ`).
    pub test_states: bool,
    /// Treat contradictory bounds of a register as an error (`BPF_F_TEST_REG_INVARIANTS`).
    pub test_invariants: bool,
}

impl Options {
    fn flags(self) -> u32 {
        let flag = |on, flag| if on { flag } else { 0 };
        flag(self.test_states, flags::TEST_STATE_FREQ)
            | flag(self.test_invariants, flags::TEST_REG_INVARIANTS)
    }
}

/// A kernel's verifier.
#[derive(Debug)]
pub struct Verifier {
    kernel: Kernel,
    options: Options,
}

impl Verifier {
    /// The verifier of this kernel.
    pub fn new(kernel: Kernel, options: Options) -> Verifier {
        Verifier { kernel, options }
    }

    /// The kernel that is asked.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Opens an object as libbpf does. `name` is its file name, which names its data maps.
    ///
    /// # Errors
    /// What libbpf refuses, in its words.
    pub fn open(&self, name: &str, bytes: &[u8]) -> Result<OpenObject<'_>, OpenError> {
        self.open_as(name, bytes, &Manner::Veristat)
    }

    /// As [`Verifier::open`], in a chosen manner.
    pub(crate) fn open_as(
        &self,
        name: &str,
        bytes: &[u8],
        manner: &Manner,
    ) -> Result<OpenObject<'_>, OpenError> {
        let object = Object::open_as(name, bytes, &self.kernel, manner)?;
        Ok(OpenObject {
            verifier: self,
            name: name.to_owned(),
            object,
        })
    }
}

/// An opened object.
#[derive(Debug)]
pub struct OpenObject<'v> {
    verifier: &'v Verifier,
    name: String,
    pub(crate) object: Object,
}

/// What is asked for beside a program.
#[derive(Clone, Copy, Default)]
pub(crate) struct Request<'r> {
    /// Other programs that are loaded, too.
    pub(crate) also: &'r [usize],
    /// `BPF_F_*` of the program, beside its own.
    pub(crate) flags: u32,
}

/// How loading a program ended, and what was found out until then.
pub(crate) struct Loaded {
    pub(crate) end: End,
    facts: ProgFacts,
    /// The verification of the program that was asked for, if it came to that.
    outcome: Option<Outcome>,
    /// What was refused by the kernel, and which of its programs.
    pub(crate) refused: Option<(Prepared, usize)>,
}

/// What is asked of the engine, in silence or with a listener.
pub(crate) type Ask<'f> = &'f mut dyn FnMut(&Kernel, &Prog) -> Outcome;

impl OpenObject<'_> {
    /// The object's file name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The programs' names, in the object's order.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        (0..self.object.program_count()).map(|index| self.object.program_name(index))
    }

    /// Loads one program, as if it were the only one of the object, and says what came of it. A rejected
    /// program is verified again with a listener, for the kernel's last words.
    pub fn check(&self, index: usize) -> Answer {
        let mut usec = 0;
        let loaded = self.load(index, &mut |kernel, prog| {
            let start = Instant::now();
            let outcome = verify(kernel, prog, &mut Silent);
            usec = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
            outcome
        });
        let program = self.object.program_name(index);
        let rejected = matches!(loaded.end, End::Kernel(_));
        let stats = loaded.outcome.map(|outcome| outcome.stats).unwrap_or_default();
        let mut record = loaded
            .end
            .record(&self.name, program, &loaded.facts, &stats, usec);
        let mut place = None;
        if rejected {
            let mut log = Vec::new();
            place = self.listen(index, 1, &mut log).0;
            record.tail = Some(last_words(&log));
        }
        Answer { record, place }
    }

    /// Loads one program and writes the log that the kernel would write at this level, addresses of the kernel
    /// blanked: 1 the last path, 2 every state, 4 statistics, added up.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn log(&self, index: usize, level: u32, out: &mut dyn Write) -> io::Result<()> {
        self.listen(index, level, out).1
    }

    /// Loads the program with a log; gives the place of a rejection.
    fn listen(&self, index: usize, level: u32, out: &mut dyn Write) -> (Option<Place>, io::Result<()>) {
        let (mut place, mut written) = (None, Ok(()));
        let mut end = HeldEnd::new(out);
        let loaded = self.load(index, &mut |kernel, prog| {
            let mut log = Log::new(kernel, prog, Level(level), &mut end);
            let outcome = verify(kernel, prog, &mut log);
            written = log.finish();
            if let Verdict::Rejected(rejected) = &outcome.verdict {
                place = rejected.insn.and_then(|insn| place_of(prog, insn));
            }
            outcome
        });
        if let (End::Kernel(_), Some((prepared, at))) = (&loaded.end, &loaded.refused) {
            self.object.fixup_log(prepared, *at, &mut end.held);
        }
        (place, written.and(end.finish()))
    }

    /// What `bpf_object__load` does when only this program is to be loaded.
    fn load(&self, index: usize, ask: Ask<'_>) -> Loaded {
        let flags = self.verifier.options.flags();
        self.load_with(index, Request { also: &[], flags }, ask)
    }

    /// What `bpf_object__load` does when this program and some others are to be loaded.
    pub(crate) fn load_with(&self, index: usize, request: Request<'_>, ask: Ask<'_>) -> Loaded {
        let mut bpf = Bridge(Session::new(&self.verifier.kernel));
        let prepared = match self.object.prepare_with(index, request.also, &mut bpf) {
            Ok(prepared) => prepared,
            Err(error) => return Loaded::new(End::Libbpf(error.errno, error.messages), error.facts),
        };
        let mut loaded = Loaded::new(End::Accepted, prepared.facts);
        for at in 0..prepared.loads.len() {
            loaded.end = self.load_one(&bpf.0, &prepared, at, request.flags, ask, &mut loaded.outcome);
            if !matches!(loaded.end, End::Accepted) {
                loaded.refused = Some((prepared, at));
                return loaded;
            }
        }
        if let Err(error) = self.object.finish(&prepared, &mut bpf) {
            loaded.end = End::Libbpf(error.errno, error.messages);
        }
        loaded
    }

    /// `BPF_PROG_LOAD` of one of the prepared programs. The outcome is kept when it is the one asked for.
    fn load_one(
        &self,
        session: &Session<'_>,
        prepared: &Prepared,
        at: usize,
        flags: u32,
        ask: Ask<'_>,
        kept: &mut Option<Outcome>,
    ) -> End {
        let Some(attr) = prepared.loads.get(at) else {
            return End::Accepted;
        };
        let asked_for = prepared.target == Some(at);
        let loaded = if asked_for {
            session.prog_load(&ProgLoad {
                prog_flags: attr.prog_flags | flags,
                ..attr.clone()
            })
        } else {
            session.prog_load(attr)
        };
        let prog = match loaded {
            Ok(prog) => prog,
            Err(LoadError::Errno(errno)) => return End::Kernel(errno),
            Err(LoadError::Unsupported(what)) => return End::Unsupported(what.to_owned()),
        };
        let kernel = &self.verifier.kernel;
        if !asked_for {
            return verify(kernel, &prog, &mut Silent).verdict.into();
        }
        kept.insert(ask(kernel, &prog)).verdict.clone().into()
    }
}

impl Loaded {
    fn new(end: End, facts: ProgFacts) -> Loaded {
        Loaded {
            end,
            facts,
            outcome: None,
            refused: None,
        }
    }
}

impl From<Verdict> for End {
    fn from(verdict: Verdict) -> End {
        match verdict {
            Verdict::Accepted => End::Accepted,
            Verdict::Rejected(rejected) => End::Kernel(rejected.errno),
            Verdict::Unsupported(what) => End::Unsupported(what),
            Verdict::Bug(what) => End::Unsupported(format!("internal contradiction: {what}")),
        }
    }
}

/// A writer that keeps the end back, which libbpf may rewrite.
struct HeldEnd<'w> {
    out: &'w mut dyn Write,
    held: Vec<u8>,
}

impl<'w> HeldEnd<'w> {
    /// Bytes kept back: more than libbpf looks at.
    const SIZE: usize = 64 * 1024;

    fn new(out: &'w mut dyn Write) -> Self {
        HeldEnd {
            out,
            held: Vec::new(),
        }
    }

    fn finish(self) -> io::Result<()> {
        self.out.write_all(&self.held)
    }
}

impl Write for HeldEnd<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() > 2 * HeldEnd::SIZE {
            let surplus = self.held.len() - HeldEnd::SIZE;
            self.out.write_all(self.held.get(..surplus).unwrap_or_default())?;
            self.held.drain(..surplus);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
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
    let source = line.zip(prog.btf.as_ref()).map(|(line, btf)| {
        let file = btf.btf.name(line.file_name_off);
        (
            format!("{file}:{}", line.line()),
            btf.btf.name(line.line_off).to_owned(),
        )
    });
    Some(Place {
        insn: at,
        text,
        source,
    })
}

/// Names in instructions, as far as they are known without the program's own.
struct HelperNames;

impl Names for HelperNames {
    fn helper(&self, id: i32) -> Option<&str> {
        helper_name(u32::try_from(id).ok()?)
    }
}
