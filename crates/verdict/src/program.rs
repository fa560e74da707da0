//! Handles of an object's programs.

use std::io::{self, Write};

use verdict_engine::observer::Observer;
use verdict_page::{Keep, Limits};
use verdict_report::explanation::Change;

use crate::{Answer, LogEnd, LogOptions, NotLoaded, OpenObject, Profiled, Target, Walked};

/// A program of an opened object: what can be asked about it.
#[derive(Clone, Copy)]
pub struct Program<'o, 'v> {
    object: &'o OpenObject<'v>,
    index: usize,
}

/// Names a program of an object where a [`Program`] cannot be held, as that borrows the object. The same bytes have the
/// same programs under the same names, whichever kernel they are opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(usize);

impl ProgramId {
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

impl<'v> OpenObject<'v> {
    /// The object's programs, in its order.
    pub fn programs(&self) -> impl ExactSizeIterator<Item = Program<'_, 'v>> + DoubleEndedIterator {
        (0..self.object.program_count()).map(|index| self.at(index))
    }

    /// The first program of that name.
    pub fn program(&self, name: &str) -> Option<Program<'_, 'v>> {
        self.programs().find(|program| program.name() == name)
    }

    /// The program that an id names; `None` if the object has none, so that it is another object's.
    pub fn get(&self, id: ProgramId) -> Option<Program<'_, 'v>> {
        (id.0 < self.object.program_count()).then(|| self.at(id.0))
    }

    fn at(&self, index: usize) -> Program<'_, 'v> {
        Program { object: self, index }
    }
}

impl<'o, 'v> Program<'o, 'v> {
    /// Its name.
    pub fn name(self) -> &'o str {
        self.object.program_name(self.index)
    }

    /// What names it without the object.
    pub fn id(self) -> ProgramId {
        ProgramId(self.index)
    }

    /// The object that it is of.
    pub fn object(self) -> &'o OpenObject<'v> {
        self.object
    }

    /// Loads the program, as if it were the only one of the object, and says what came of it. A rejected
    /// program is verified again with a listener, for the kernel's last words.
    pub fn check(self) -> Answer {
        self.object.check(self.index)
    }

    /// Loads the program and writes the log of this level that a program sees which loads it with libbpf.
    /// Where the kernel would show an address of its own, the log has `0xff00000000000000`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn log(self, level: u32, out: &mut dyn Write) -> io::Result<()> {
        self.object.log(self.index, level, out)
    }

    /// Loads the program and writes its log.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_log(self, options: &LogOptions<'_>, out: &mut dyn Write) -> io::Result<LogEnd> {
        self.object.write_log(self.index, options, out)
    }

    /// Lists the instructions of the program as the kernel is handed them: relocated, with its subprograms.
    /// The kernel is not asked about them; what it says of the others that are loaded before counts.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_insns(self, out: &mut dyn Write) -> io::Result<Result<(), NotLoaded>> {
        self.object.write_insns(self.index, out)
    }

    /// Loads the program with a listener of one's own. Gives the listener back, if the verifier was asked.
    pub fn observe<O: Observer>(self, listener: O) -> (Option<O>, Result<(), NotLoaded>) {
        self.object.observe(self.index, listener)
    }

    /// Loads the program, as if it were the only one of the object, and counts what its verification does
    /// where.
    pub fn profile(self) -> Profiled {
        self.object.profile(self.index)
    }

    /// Loads the program and keeps the steps of its verification: at most so many, the first ones, or the last ones if it
    /// is rejected. Gives nothing if it does not get as far as to be verified.
    pub fn walk(self, keep: Keep, limits: Limits) -> Option<Walked> {
        self.object.walk(self.index, keep, limits)
    }

    /// Whether the program is accepted with the changes of a remedy. Where they are changes of the program itself, the
    /// verifier must accept it; what libbpf loads or fills beside it may be refused all the same. Otherwise libbpf must
    /// be able to load it. Remedies about externs are tried by objects only that were opened to be explained with trials.
    pub fn accepts_with(self, changes: &[Change]) -> bool {
        self.object.accepts_with(self.index, changes)
    }

    /// Loads the program for others to attach to.
    ///
    /// # Errors
    /// When it is not loaded.
    pub fn load_target(self) -> Result<Target, NotLoaded> {
        self.object.load_target(self.index)
    }
}

impl std::fmt::Debug for Program<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.object.name(), self.name())
    }
}
