//! `verdict run`: a command on a played kernel.

mod report;

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;

use verdict::Explaining;
use verdict::kernel::{Basis, Kernel};
use verdict_front::{Call, Happened, Play};
use verdict_notify::{Ended, Reply, StartError, Supervised};

use crate::args::RunArgs;
use crate::caveats;
use crate::run::guarded;
use crate::{Done, Trouble, terminal};

use report::Ran;

/// Stack of the thread that answers: deep enough for what recurses by the nesting of types.
const STACK: usize = 16 << 20;

/// The errno of an internal error: `EIO`.
const BROKEN: i32 = 5;

/// The exit codes of a command that cannot be executed, and of one that is not found: those of shells.
const NOT_EXECUTED: u8 = 126;
const NOT_FOUND: u8 = 127;

/// How many names of directories are tried.
const MOST_TAKEN: u32 = 1000;

/// The exit code with `--strict` if a program was refused.
const REFUSED: u8 = 2;

/// How a run ended, and what happened.
struct Run {
    code: u8,
    happened: Vec<Happened>,
    /// How much more happened.
    left_out: usize,
    /// Files and lines of verdict's sources where something was refused.
    refused: BTreeSet<(&'static str, u32)>,
}

/// Runs a command on a kernel; where in verdict's sources something was refused, as files and lines.
pub(crate) fn refusals(
    kernel: &Kernel,
    command: &[OsString],
) -> Result<BTreeSet<(&'static str, u32)>, String> {
    match run_on(kernel, command) {
        Ok(run) => Ok(run.refused),
        Err(Trouble::Message(message)) => Err(message),
        Err(Trouble::Output(error)) => Err(error.to_string()),
    }
}

pub(crate) fn run(args: &RunArgs) -> Done {
    let opened = args.kernel.choices()?;
    let open = |choice: &verdict::KernelChoice| {
        let mut kernel = choice.open()?;
        kernel.machine.capabilities = args.capabilities();
        Ok(kernel)
    };
    let kernels = opened.iter().map(open).collect::<Result<Vec<_>, String>>()?;
    kernels.iter().for_each(caveats::say);
    if kernels.iter().any(|kernel| kernel.basis == Basis::Unknown) {
        return Err("run: a kernel can be played only by rules that are known"
            .to_owned()
            .into());
    }
    // What an interruption means is for the command to say.
    let _ = ctrlc::set_handler(|| {});
    let name = args
        .command
        .first()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let (mut code, mut runs) = (0, Vec::new());
    for kernel in &kernels {
        let run = run_on(kernel, &args.command)?;
        code = code.max(run.code);
        runs.push(Ran::of(kernel, &name, &run.happened, Explaining::TRIALS).without(run.left_out));
    }
    let look = args.print.color.look_of_errors();
    let mut errors = terminal::errors(look.colour);
    for ran in &runs {
        ran.write(&mut errors, look)?;
    }
    errors.flush()?;
    drop(errors);
    if let Some(file) = &args.print.report {
        report::write_json(file, &name, &runs)?;
    }
    let refused = runs.iter().any(Ran::refuses);
    Ok(if args.print.strict && refused {
        REFUSED
    } else {
        code
    })
}

/// Runs the command on one kernel.
fn run_on(kernel: &Kernel, command: &[OsString]) -> Result<Run, Trouble> {
    let shade = Shade::new()?;
    let answered = thread::scope(|scope| {
        let answering = thread::Builder::new()
            .name("kernel".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || play(kernel, command, &shade.0));
        let joined = answering.map(thread::ScopedJoinHandle::join);
        joined.map_err(|error| format!("cannot start a thread: {error}"))
    })?;
    let run = answered.map_err(|_| "internal error while answering system calls".to_owned())?;
    Ok(run?)
}

fn play(kernel: &Kernel, words: &[OsString], shade: &Path) -> Result<Run, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("a command was expected".to_owned());
    };
    let mut kernel = Play::new(kernel, shade)?;
    let mut command = Command::new(program);
    command.args(arguments);
    let mut supervised = match Supervised::start(command, &Play::filter()) {
        Ok(supervised) => supervised,
        Err(StartError::Command(error)) => {
            terminal::complain(format_args!("verdict: {}: {error}", program.to_string_lossy()));
            let missing = error.kind() == io::ErrorKind::NotFound;
            let code = if missing { NOT_FOUND } else { NOT_EXECUTED };
            return Ok(Run {
                code,
                happened: Vec::new(),
                left_out: 0,
                refused: BTreeSet::new(),
            });
        }
        Err(error) => return Err(error.to_string()),
    };
    let ended =
        answer_all(&mut kernel, &mut supervised).map_err(|error| format!("seccomp notification: {error}"))?;
    Ok(Run {
        code: ended.code(),
        left_out: kernel.left_out(),
        refused: kernel.refused().clone(),
        happened: kernel.take_happened(),
    })
}

/// Answers until nobody asks any more.
fn answer_all(kernel: &mut Play<'_>, supervised: &mut Supervised) -> io::Result<Ended> {
    loop {
        let request = match supervised.request()? {
            Ok(request) => request,
            Err(ended) => return Ok(ended),
        };
        let call = Call {
            task: request.task,
            number: request.number,
            args: request.args,
        };
        let what = format!("system call {}", call.number);
        let reply = guarded(&what, || kernel.answer(&call)).unwrap_or_else(|message| {
            terminal::complain(format_args!("verdict: {message}"));
            Reply::Error(BROKEN)
        });
        supervised.reply(&request, reply)?;
    }
}

/// A directory for the played kernel's files, which goes when it is not needed any more.
struct Shade(PathBuf);

impl Shade {
    fn new() -> Result<Shade, String> {
        let mut taken = 0;
        loop {
            let name = format!("verdict-run-{}-{taken}", process::id());
            let path = env::temp_dir().join(name);
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Shade(path)),
                // Left behind by another process of this number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && taken < MOST_TAKEN => {
                    taken += 1
                }
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
    }
}

impl Drop for Shade {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // left behind in a directory for such things
    }
}
