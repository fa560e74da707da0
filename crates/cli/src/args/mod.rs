//! The command line. What several commands share is a group of options in a file beside this one, and a command has a
//! group only where all of it acts.

mod kernel;
mod output;
mod programs;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use verdict::kernel::Capabilities;
use verdict::{Explaining, Options, Verifier};
use verdict_report::{FailIf, FilterError, Margin};

pub(crate) use kernel::{
    Asked, KernelArgs, KernelName, LoaderArgs, LoaderName, PlanOptions, WhichKernel, attached, bytes, cpus,
};
use output::columns;
pub(crate) use output::{
    CheckOutput, ColorArgs, Columns, FigureOutput, ProfileFigure, ProfileOutput, TestOutput, TextArgs,
};
pub(crate) use programs::{GlobalArgs, JobArgs, LimitArgs, ProgramArgs, TestArgs, seconds};

/// Tells what a Linux kernel's BPF verifier says about an object, without running that kernel.
#[derive(Parser)]
#[command(name = "verdict", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say which programs the kernel accepts, and why it rejects the others
    ///
    /// With several kernels (--kernel 6.12,6.18) the result is a table with one column per kernel: accepted with
    /// insns/states, rejected with the rule, or what the kernel lacks. Each reason is explained once, below the table. The
    /// exit code is that of the worst column.
    ///
    /// With --minimum there is one row per program: the oldest kernel from which on it loads, and what stops it on the
    /// kernel before that one.
    ///
    /// Exit code: 0 all accepted, 1 unusable input or nothing to verify, 2 a rejection, 3 a program without an answer: unsupported,
    /// or given up (--timeout, --max-memory). With
    /// --minimum, a program counts as accepted if it loads on the newest kernel.
    Check(CheckArgs),
    /// Print verification statistics, with veristat's command line and output
    Stat(StatArgs),
    /// Compare two recorded runs, or two kernels or verifier settings
    Compare(CompareArgs),
    /// Check that programs stay within the budgets in a file
    ///
    /// If several budgets in the file name a program, the last one that sets a figure decides:
    ///
    ///     objects = ["build/*.bpf.o"]   # used if the command line names none
    ///     [[budget]]
    ///     programs = "*"                # PROGRAM, OBJECT/PROGRAM or OBJECT/
    ///     insns = 100_000               # also states, peak-states
    ///     stack = 512                   # bytes, summed over all functions
    ///     [[budget]]
    ///     programs = "xdp.bpf.o/old_*"
    ///     may-fail = true               # may be rejected
    ///
    /// --update writes the current figures into the file, one budget per program, and leaves the rest of it unchanged.
    ///
    /// Exit code: 0 within budget, 1 unusable input, a budget that names no program, or no program that has a budget,
    /// 2 a program is rejected or exceeds its budget, 3 a program without an answer: unsupported or given up.
    #[command(verbatim_doc_comment)]
    Gate(GateArgs),
    /// Verify programs under many settings, in one table with a column per setting
    Sweep(SweepArgs),
    /// Print the kernel's log of a program
    Log(LogArgs),
    /// Show where verification cost arises: by function, loop and source line, and why states did not match
    Profile(ProfileArgs),
    /// Check the expectations that programs carry as declaration tags
    ///
    /// Exit code: 0 all met, 1 unusable input or no test at all, 2 an expectation not met, 3 a test without an answer:
    /// unsupported or given up.
    Test(SuiteArgs),
    /// Run a command with verdict answering its bpf(2) calls, as the chosen kernel would
    ///
    /// The command is any program that loads BPF, unmodified. It runs as if it were root on the chosen kernel, whatever the
    /// user's privileges and the machine's own kernel. With several kernels, it is run once for each. At the end, standard
    /// error lists its maps, BTF and programs with the outcome of each.
    ///
    /// Exit code: the command's own; with --strict, 2 if a program was rejected that is not a library's feature probe.
    Run(RunArgs),
    /// Draft a load plan: what objects leave for their loaders to set
    Plan(PlanArgs),
    /// Explain a rule, a kernel message or a whole log; without an argument, list all rules
    Explain(ExplainArgs),
    /// Capture the running kernel as a profile
    #[command(subcommand)]
    Kernel(KernelCommand),
    /// List the known kernels, and the evidence for their rules
    ///
    /// With --kernel-dir, describe that kernel: its release, what its files contain, which kernel's rules apply to it, and
    /// where everything else comes from.
    Kernels(KernelsArgs),
    /// List the verifier's switches with the chosen kernels' settings
    Switches(SwitchesArgs),
}

/// What is done with a machine's own kernel.
#[derive(Subcommand)]
pub(crate) enum KernelCommand {
    /// Write a directory for --kernel-dir that describes the running kernel, by loading programs into it; needs root
    ///
    /// The directory gets the kernel's BTF, configuration and symbols, its answers about the programs of verdict's corpus, and
    /// the setting of every verifier switch, with the program that shows it. Nothing stays loaded. A switch none of whose
    /// values gives what the kernel answered is recorded as unknown: programs whose verdict or figures depend on it are
    /// unsupported.
    Capture(CaptureArgs),
}

#[derive(clap::Args)]
pub(crate) struct CaptureArgs {
    /// Directory to write; created if it does not exist
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Do not ask the kernel: evaluate the answers in DIR again
    #[arg(long)]
    pub(crate) again: bool,
    /// Name each object on standard error before asking the kernel about it
    #[arg(long, short, conflicts_with = "again")]
    pub(crate) verbose: bool,
}

/// Which programs are verified, and how: what all commands share that verify programs of objects.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) kernel: KernelArgs,
    #[command(flatten)]
    pub(crate) programs: ProgramArgs,
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    #[command(flatten)]
    test: TestArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    pub(crate) loader: LoaderArgs,
}

impl VerifyArgs {
    /// How the kernel is asked.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked::of(&self.kernel, &self.loader)
    }

    /// How programs are verified.
    pub(crate) fn options(&self) -> Options {
        self.limits.options(self.test.options())
    }

    /// The verifier of the chosen kernel, where there is to be one only.
    pub(crate) fn verifier(&self) -> Result<Verifier, String> {
        let verifier = self.asked().verifier(self.options())?;
        Ok(verifier.with_globals(self.globals.read()?))
    }

    /// The verifiers of all chosen kernels.
    pub(crate) fn verifiers(&self) -> Result<Vec<Verifier>, String> {
        self.asked().verifiers(self.options(), &self.globals.read()?)
    }
}

#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
    /// Load each object as a whole, all programs and maps together, as its library does by default; for one kernel only
    #[arg(long, conflicts_with = "minimum")]
    pub(crate) whole: bool,
    /// Find the oldest kernel on which each program loads, among those of --kernel (default: all known kernels) and that
    /// of --kernel-dir
    #[arg(long)]
    pub(crate) minimum: bool,
    /// How far to explain rejections [default: trials; off with --minimum]
    #[arg(long, value_name = "HOW", conflicts_with = "whole")]
    pub(crate) explain: Option<ExplainHow>,
    /// Succeed even if there is nothing to verify
    #[arg(long)]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) print: CheckPrint,
}

/// How answers are printed.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct CheckPrint {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: CheckOutput,
    /// Print less: one line per program that is not accepted, without explanations
    #[arg(long, short, conflicts_with_all = ["verbose", "explain"])]
    pub(crate) quiet: bool,
    /// Print more: accepted programs, all causes, the whole failing path, and the end of the kernel's log
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Also write an HTML page to this file: the table of all programs and, for each rejection, the explanation and the
    /// failing path step by step
    #[arg(long, value_name = "FILE", conflicts_with = "whole")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

/// How far rejections are explained.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainHow {
    /// Only the rule and the kernel's message
    Off,
    /// What led to the rejection
    Causes,
    /// Causes, and changes to the program, each tried by verifying it again
    Trials,
}

impl ExplainHow {
    pub(crate) fn how_far(self) -> Explaining {
        match self {
            ExplainHow::Off => Explaining::Off,
            ExplainHow::Causes => Explaining::Causes,
            ExplainHow::Trials => Explaining::TRIALS,
        }
    }
}

/// What veristat's own grammar reads: see `verdict stat --help`.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct StatArgs {
    /// Options and objects
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<OsString>,
}

#[derive(clap::Args)]
pub(crate) struct CompareArgs {
    /// Two recorded runs (CSV or JSON); with --a and --b: objects, directories or globs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// First setting: kernel=NAME, kernel-dir=DIR, assume=NAME, set=SWITCH=VALUE, global=NAME=VALUE, separated by commas. If
    /// only the kernels differ, use --kernel A,B
    #[arg(long, value_name = "SETTING", requires = "b")]
    pub(crate) a: Option<String>,
    /// Second setting
    #[arg(long, value_name = "SETTING", requires = "a")]
    pub(crate) b: Option<String>,
    /// Find out which differences between the two settings matter: for each program whose verdict or cost differs, a minimal
    /// set of switches (or tables, or the kernel's types) that turns the first figures into the second, and how much each
    /// contributes
    #[arg(long, conflicts_with_all = ["emit", "all", "summary", "fail_if"])]
    pub(crate) why: bool,
    /// Exit with 2 if this condition holds for any program, e.g. 'insns_pct>10', 'states_diff>0' or 'verdict_b=failure'
    #[arg(long, value_name = "CONDITION", value_parser = fail_if)]
    pub(crate) fail_if: Vec<FailIf>,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) print: ComparePrint,
}

/// How a comparison is printed.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ComparePrint {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: FigureOutput,
    /// Columns, comma-separated [default: file,prog,insns,states, and verdict if one changes]
    #[arg(long, short, value_name = "COLUMNS", value_parser = columns)]
    pub(crate) emit: Option<Columns>,
    /// Also show unchanged programs
    #[arg(long)]
    pub(crate) all: bool,
    /// Add totals, mean ratios, and the largest gains and losses
    #[arg(long)]
    pub(crate) summary: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

#[derive(clap::Args)]
pub(crate) struct GateArgs {
    /// Objects, directories, globs, or recorded figures (.csv, .json, .jsonl) [default: `objects` of the budget file]
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// File with the budgets
    #[arg(long, short, value_name = "FILE", default_value = "verdict.toml")]
    pub(crate) budget: PathBuf,
    /// Write the current figures into the file: into the budget that names only that program, or else into a new one
    #[arg(long)]
    pub(crate) update: bool,
    /// Headroom that --update adds to the current figures
    #[arg(long, value_name = "PERCENT", default_value = "10%", requires = "update")]
    pub(crate) margin: Margin,
    /// Succeed even if there is nothing to verify
    #[arg(long)]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) print: GatePrint,
}

/// How it is printed which programs keep to their budgets.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct GatePrint {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Print more: also the programs within budget, with their figures
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// Settings with several values: `--set 'SWITCH=*'` or `'SWITCH=VALUE|VALUE'`, `--kernel A,B`,
/// `-G 'NAME = 1|2|4'` or `-G 'NAME = 1..8'`; all their combinations are tried.
#[derive(clap::Args)]
pub(crate) struct SweepArgs {
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) print: SweepPrint,
}

/// How a sweep is printed.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct SweepPrint {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: FigureOutput,
    /// Figures, comma-separated [default: insns]
    #[arg(long, short, value_name = "COLUMNS", value_parser = columns)]
    pub(crate) emit: Option<Columns>,
    /// Show only programs whose figures differ between settings
    #[arg(long)]
    pub(crate) changed: bool,
}

#[derive(clap::Args)]
pub(crate) struct LogArgs {
    /// Object, or a file that contains one
    #[arg(value_name = "OBJECT")]
    pub(crate) object: PathBuf,
    /// Log level, a sum of: 1 the last path, 2 every path, 4 statistics, 8 keep the start of a log that is too long
    #[arg(long, short, default_value_t = 1, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(1..=15))]
    pub(crate) level: u32,
    /// Size of the log buffer in bytes: a longer log loses its start, or with level 8 its end
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(..=i64::from(u32::MAX >> 2)))]
    pub(crate) log_size: Option<u32>,
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) print: LogPrint,
}

/// How a log is printed.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct LogPrint {
    /// Replace numbers that look like kernel addresses by zeros, as in recorded logs
    #[arg(long)]
    pub(crate) normalize: bool,
    /// Print the log the way libbpf does
    #[arg(long)]
    pub(crate) libbpf: bool,
    /// Write an HTML page to this file instead: the verification step by step, with the state at each step
    #[arg(long, value_name = "FILE", conflicts_with_all = ["level", "log_size", "normalize", "libbpf"])]
    pub(crate) html: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct ProfileArgs {
    /// Object, or a file that contains one
    #[arg(value_name = "OBJECT")]
    pub(crate) object: PathBuf,
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) print: ProfilePrint,
}

/// How a profile is printed.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ProfilePrint {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: ProfileOutput,
    /// Also write a flame graph to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// What folded stacks and flame graphs count
    #[arg(long, value_name = "FIGURE", default_value = "insns")]
    pub(crate) by: ProfileFigure,
    /// Rows per table; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
}

#[derive(clap::Args)]
pub(crate) struct SuiteArgs {
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
    /// Only tests with this text in the object, program or description; repeatable
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) filter: Vec<String>,
    /// File that lists tests known to fail, one per line: 'OBJECT PROGRAM NUMBER: REASON'
    #[arg(long, value_name = "FILE")]
    pub(crate) known: Option<PathBuf>,
    /// Succeed even if there is nothing to verify
    #[arg(long)]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
    #[command(flatten)]
    pub(crate) kernel: KernelArgs,
    #[command(flatten)]
    pub(crate) programs: ProgramArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) plans: PlanOptions,
    #[command(flatten)]
    pub(crate) print: SuitePrint,
}

/// How results of tests are printed.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct SuitePrint {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: TestOutput,
    /// Print less: only failures and counts
    #[arg(long, short, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more: also counts of expectations, and descriptions
    #[arg(long, short)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

/// A capability that BPF asks about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Cap {
    /// `CAP_BPF`
    Bpf,
    /// `CAP_PERFMON`
    Perfmon,
    /// `CAP_NET_ADMIN`
    NetAdmin,
    /// `CAP_SYS_ADMIN`, which includes the others
    SysAdmin,
    /// No capability
    None,
}

#[derive(clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) kernel: WhichKernel,
    #[command(flatten)]
    pub(crate) print: RunPrint,
    /// Capabilities that the command has, as root with only these in its bounding set [default: all]
    #[arg(long, value_name = "CAPS", value_delimiter = ',')]
    pub(crate) caps: Option<Vec<Cap>>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

impl RunArgs {
    /// What the command may do.
    pub(crate) fn capabilities(&self) -> Capabilities {
        let Some(caps) = &self.caps else {
            return Capabilities::ALL;
        };
        let has = |cap| caps.contains(&cap);
        Capabilities {
            bpf: has(Cap::Bpf),
            perfmon: has(Cap::Perfmon),
            net_admin: has(Cap::NetAdmin),
            sys_admin: has(Cap::SysAdmin),
        }
    }
}

/// What `run` prints.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct RunPrint {
    /// Write the maps, BTF and programs with their outcomes to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Exit with 2 if a program was rejected that is not a library's feature probe
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

#[derive(clap::Args)]
pub(crate) struct PlanArgs {
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) kernel: KernelName,
    #[command(flatten)]
    pub(crate) loader: LoaderArgs,
}

#[derive(clap::Args)]
pub(crate) struct ExplainArgs {
    /// A rule's code or name as `verdict check` prints it, a message of the kernel, or a file with a verifier log of any
    /// kernel as any loader prints it (- for standard input) [default: list all rules]
    #[arg(value_name = "CODE|NAME|WORDS|FILE")]
    pub(crate) rule: Option<String>,
    #[command(flatten)]
    pub(crate) print: TextArgs,
}

#[derive(clap::Args)]
pub(crate) struct KernelsArgs {
    #[command(flatten)]
    pub(crate) kernel: KernelName,
    #[command(flatten)]
    pub(crate) print: TextArgs,
}

#[derive(clap::Args)]
pub(crate) struct SwitchesArgs {
    #[command(flatten)]
    pub(crate) kernel: WhichKernel,
    #[command(flatten)]
    pub(crate) print: TextArgs,
}

fn fail_if(condition: &str) -> Result<FailIf, FilterError> {
    FailIf::parse(condition)
}
