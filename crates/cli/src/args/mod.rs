//! The command line. What several commands share is a group of options in a file beside this one, and a command has a
//! group only where all of it acts.

mod kernel;
mod output;
mod programs;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use verdict::{Explaining, Verifier};
use verdict_report::{FailIf, FilterError, Margin};

pub(crate) use kernel::{
    Asked, KernelArgs, KernelName, LoaderArgs, LoaderName, PlanOptions, WhichKernel, attached, bytes, cpus,
};
use output::columns;
pub(crate) use output::{
    CheckOutput, ColorArgs, Columns, FigureOutput, ProfileFigure, ProfileOutput, TestOutput, TextArgs,
};
pub(crate) use programs::{GlobalArgs, JobArgs, ProgramArgs, TestArgs};

/// Asks what a Linux kernel's BPF verifier would say of an object, without that kernel.
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
    /// Of several kernels (--kernel 6.12,6.18) it is a table with a column for each: accepted with insns/states, refused
    /// with the rule, or what the kernel lacks. Below it, each reason stands once. The exit code is that of the worst column.
    ///
    /// With --minimum it is a row for each program: the oldest kernel from which on it loads, and what stops it on the one
    /// before.
    ///
    /// Exit code: 0 all accepted, 1 unusable input or nothing to verify, 2 a rejection, 3 something unsupported. With
    /// --minimum a program is accepted if it loads on the newest kernel.
    Check(CheckArgs),
    /// Print the figures of verification: takes the command line of veristat, and prints what it prints
    Stat(StatArgs),
    /// Compare two sets of figures, or two settings of the verifier
    Compare(CompareArgs),
    /// Hold programs to the budgets of a file
    ///
    /// The file lists budgets; of several that name a program, the last one decides on each figure:
    ///
    ///     objects = ["build/*.bpf.o"]   # unless the command line names some
    ///     [[budget]]
    ///     programs = "*"                # PROGRAM, OBJECT/PROGRAM or OBJECT/
    ///     insns = 100_000               # also states, peak-states
    ///     stack = 512                   # bytes of all functions, added up
    ///     [[budget]]
    ///     programs = "xdp.bpf.o/old_*"
    ///     may-fail = true               # may be rejected
    ///
    /// With --update, the present figures become the budgets of their programs, one for each; the rest of the file stays.
    ///
    /// Exit code: 0 within budget, 1 unusable input, a budget that names no program or no program with a budget,
    /// 2 a program is rejected or exceeds its budget, 3 something unsupported.
    #[command(verbatim_doc_comment)]
    Gate(GateArgs),
    /// Verify programs under many settings: one table, a column for each
    Sweep(SweepArgs),
    /// Print the kernel's log of a program
    Log(LogArgs),
    /// Show where the verifier's work is: by function, loop and source line, and why states did not match
    Profile(ProfileArgs),
    /// Run the expectations that programs carry as declaration tags
    ///
    /// Exit code: 0 all are met, 1 unusable input or no test at all, 2 one is not met, 3 something unsupported.
    Test(SuiteArgs),
    /// Run a command on a kernel that is played to it: what it asks by bpf(2), verdict answers
    ///
    /// The command is any program that loads BPF, unmodified: it sees the chosen kernel, as root, whatever the user and the
    /// machine's kernel may do. Each of several kernels runs it once. What was made of its maps, BTF and programs is printed on
    /// standard error at the end.
    ///
    /// Exit code: the command's; with --strict 2 if a program was refused that is no probe of a library.
    Run(RunArgs),
    /// Draft a load plan for objects: what they leave for their loaders to set
    Plan(PlanArgs),
    /// Explain a rule that a program broke, the kernel's words or a whole log, or list all rules
    Explain(ExplainArgs),
    /// List the known kernels, and how what they decide is known
    ///
    /// With --kernel-dir, describe that kernel: of which release it is, what its files hold, whose rules it is judged by and
    /// where everything else comes from.
    Kernels(KernelsArgs),
    /// List the verifier's switches, with the chosen kernel's settings; of several kernels, a column for each
    Switches(SwitchesArgs),
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
    pub(crate) test: TestArgs,
    #[command(flatten)]
    pub(crate) loader: LoaderArgs,
}

impl VerifyArgs {
    /// How the kernel is asked.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked::of(&self.kernel, &self.loader)
    }

    /// The verifier of the chosen kernel, where there is to be one only.
    pub(crate) fn verifier(&self) -> Result<Verifier, String> {
        let verifier = self.asked().verifier(self.test.options())?;
        Ok(verifier.with_globals(self.globals.read()?))
    }

    /// The verifiers of all chosen kernels.
    pub(crate) fn verifiers(&self) -> Result<Vec<Verifier>, String> {
        self.asked().verifiers(self.test.options(), &self.globals.read()?)
    }
}

#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
    /// Load each object whole, all its programs with its maps together, as its library does by itself; on one kernel
    #[arg(long, conflicts_with = "minimum")]
    pub(crate) whole: bool,
    /// Say from which kernel on each program loads: of those of --kernel, or else of all known ones, and that of
    /// --kernel-dir
    #[arg(long)]
    pub(crate) minimum: bool,
    /// How far rejections are explained [default: trials; with --minimum off]
    #[arg(long, value_name = "HOW", conflicts_with = "whole")]
    pub(crate) explain: Option<ExplainHow>,
    /// Accept that there is nothing to verify
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
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    pub(crate) output: CheckOutput,
    /// Print less: a line for each program that is not accepted, without reasons
    #[arg(long, short, conflicts_with_all = ["verbose", "explain"])]
    pub(crate) quiet: bool,
    /// Print more: accepted programs, all causes, the whole failing path, and the end of the kernel's log
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Write a page to this file, too: the table of all programs, and of each refusal the explanation and the failing path,
    /// step by step
    #[arg(long, value_name = "FILE", conflicts_with = "whole")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

/// How far rejections are explained.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainHow {
    /// The rule and the kernel's words alone
    Off,
    /// What led to it
    Causes,
    /// The same, and changes to the program that were tried by verifying it again
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
    /// Two files of figures (CSV or JSON); with --a and --b objects, directories or globs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// First setting: kernel=NAME, kernel-dir=DIR, assume=NAME, set=SWITCH=VALUE, global=NAME=VALUE, separated by commas. Two kernels
    /// alone can be given as --kernel A,B
    #[arg(long, value_name = "SETTING", requires = "b")]
    pub(crate) a: Option<String>,
    /// Second setting
    #[arg(long, value_name = "SETTING", requires = "a")]
    pub(crate) b: Option<String>,
    /// Find out which differences between the two decide: for each program whose verdict or cost differs, the switches
    /// of the verifier (or the tables, or the kernel's types) that must change, none of them needlessly, to get from the
    /// first one's figures to the second one's, and what each adds
    #[arg(long, conflicts_with_all = ["emit", "all", "summary", "fail_if"])]
    pub(crate) why: bool,
    /// Exit with 2 if this holds of a program, such as 'insns_pct>10', 'states_diff>0' or 'verdict_b=failure'
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
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: FigureOutput,
    /// Columns, comma-separated [default: file,prog,insns,states, and verdict where one changes]
    #[arg(long, short, value_name = "COLUMNS", value_parser = columns)]
    pub(crate) emit: Option<Columns>,
    /// Show unchanged programs, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Add totals, mean ratios, and who gained and lost most
    #[arg(long)]
    pub(crate) summary: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

#[derive(clap::Args)]
pub(crate) struct GateArgs {
    /// Objects, directories or globs, or recorded figures (.csv, .json, .jsonl) [default: those of the file]
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// The budgets
    #[arg(long, short, value_name = "FILE", default_value = "verdict.toml")]
    pub(crate) budget: PathBuf,
    /// Make the present figures the budgets: those of a program in the budget that names it alone, or else in a new one
    #[arg(long)]
    pub(crate) update: bool,
    /// How much more than the present figures the budgets allow
    #[arg(long, value_name = "PERCENT", default_value = "10%", requires = "update")]
    pub(crate) margin: Margin,
    /// Accept that there is nothing to verify
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
    /// Print more: programs within budget, too, with their figures
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
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: FigureOutput,
    /// Figures, comma-separated [default: insns]
    #[arg(long, short, value_name = "COLUMNS", value_parser = columns)]
    pub(crate) emit: Option<Columns>,
    /// Show only programs that the settings tell apart
    #[arg(long)]
    pub(crate) changed: bool,
}

#[derive(clap::Args)]
pub(crate) struct LogArgs {
    /// The object
    #[arg(value_name = "OBJECT")]
    pub(crate) object: PathBuf,
    /// Level: 1 the last path, 2 every path, 4 figures, 8 the start of a log that is too long; added up
    #[arg(long, short, default_value_t = 1, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(1..=15))]
    pub(crate) level: u32,
    /// Size of the buffer for the log: what is longer loses its start, with level 8 its end
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
    /// Make numbers that look like addresses of the kernel zeros, as in recorded logs
    #[arg(long)]
    pub(crate) normalize: bool,
    /// Show the log as libbpf prints it
    #[arg(long)]
    pub(crate) libbpf: bool,
    /// Write a page to this file instead: the walk step by step, with the state at each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["level", "log_size", "normalize", "libbpf"])]
    pub(crate) html: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct ProfileArgs {
    /// The object
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
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    pub(crate) output: ProfileOutput,
    /// Write a flame graph to this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// What folded stacks and flame graphs count
    #[arg(long, value_name = "FIGURE", default_value = "insns")]
    pub(crate) by: ProfileFigure,
    /// Rows of each table; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
}

#[derive(clap::Args)]
pub(crate) struct SuiteArgs {
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
    /// Only tests with this text in object, program or description; may be given several times
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) filter: Vec<String>,
    /// List of tests that are known to fail: 'OBJECT PROGRAM NUMBER: REASON', a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) known: Option<PathBuf>,
    /// Accept that there is nothing to verify
    #[arg(long)]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
    #[command(flatten)]
    pub(crate) kernel: KernelArgs,
    #[command(flatten)]
    pub(crate) programs: ProgramArgs,
    #[command(flatten)]
    pub(crate) plans: PlanOptions,
    #[command(flatten)]
    pub(crate) print: SuitePrint,
}

/// How results of tests are printed.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct SuitePrint {
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    pub(crate) output: TestOutput,
    /// Print less: failures and counts
    #[arg(long, short, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more: counts of expectations and descriptions, too
    #[arg(long, short)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

#[derive(clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) kernel: WhichKernel,
    #[command(flatten)]
    pub(crate) print: RunPrint,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What `run` prints.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct RunPrint {
    /// Write what was made of maps, BTF and programs into a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Exit with 2 if a program was refused that is no probe of a library
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
    /// The rule's code or name, as `verdict check` says it; or the kernel's words, or a file with a log as any kernel writes
    /// it and any loader prints it, - for standard input [default: list all rules]
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
