//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, io};

use crate::run::side_by_side;
use anstream::{AutoStream, ColorChoice};
use clap::{Parser, Subcommand, ValueEnum};
use verdict::{Explaining, Globals, KernelChoice, Loader, Options, PlanSource, Plans, Verifier};
use verdict_report::forms::Form;
use verdict_report::{Column, FailIf, FilterError, Format, Look, parse_columns};

/// Asks what a Linux kernel's BPF verifier would say of an object, without that kernel.
#[derive(Parser)]
#[command(name = "verdict", version)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) kernel: KernelArgs,
    /// Programs verified side by side [default: the machine's cores]
    #[arg(long, short = 'j', global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// When verdict's own words are coloured; auto: on a terminal, unless NO_COLOR is set, or anywhere if CLICOLOR_FORCE
    /// is. Figures and logs never are
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When words are coloured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl Args {
    /// How the words look on standard output.
    pub(crate) fn look(&self) -> Look {
        let choice = match self.color {
            Color::Auto => AutoStream::choice(&io::stdout()),
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Look {
            colour: choice != ColorChoice::Never,
            ..Look::PLAIN
        }
    }
}

/// Which kernel is asked.
#[derive(clap::Args)]
pub(crate) struct KernelArgs {
    /// Kernels, of `verdict kernels`, separated by commas, or "all"; a command that takes one only says so
    /// [default: 6.12]
    #[arg(long, global = true, value_name = "NAMES")]
    kernel: Vec<String>,
    /// Directory with another kernel's vmlinux.btf, config and kallsyms
    #[arg(long, global = true, value_name = "DIR")]
    kernel_dir: Option<PathBuf>,
    /// Set a switch of the verifier, one of `verdict switches`
    #[arg(long, global = true, value_name = "SWITCH=VALUE")]
    set: Vec<String>,
    /// Possible CPUs of the machine [default: 2]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8192))]
    cpus: Option<u32>,
    /// Memory that the loading user may lock, where libbpf cannot raise the limit: bytes, or with K, M or G; kernels before
    /// 5.11 charge maps and programs to it [default: no limit]
    #[arg(long, global = true, value_name = "BYTES", value_parser = bytes)]
    memlock: Option<u64>,
    /// Load without capabilities, which is not supported yet
    #[arg(long, global = true)]
    unprivileged: bool,
    /// The library that loads the objects, whose conventions they follow
    #[arg(long, global = true, value_name = "LIBRARY", default_value = "libbpf")]
    loader: LoaderName,
    /// The program that extensions and tracing programs attach to, loaded first: to the function that their section
    /// names, or to FUNCTION; given again, each attaches to the one before
    #[arg(long, global = true, value_name = "OBJECT:PROGRAM[/FUNCTION]")]
    attach_to: Vec<String>,
    /// File with load plans [default: the nearest verdict.toml, upwards from each object]
    #[arg(long, global = true, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Set an attribute of a map, as a load plan does: key-size, value-size, max-entries, flags or type
    #[arg(long, global = true, value_name = "MAP.ATTRIBUTE=VALUE")]
    map: Vec<String>,
    /// Leave a program out
    #[arg(long, global = true, value_name = "PROGRAM")]
    no_autoload: Vec<String>,
    /// Have a program be as if it were in another section
    #[arg(long, global = true, value_name = "PROGRAM=SECTION")]
    section: Vec<String>,
}

/// Libraries that load objects.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoaderName {
    /// In C
    Libbpf,
    /// cilium/ebpf, in Go: static programs, sections such as tc/entry, maps in "maps"
    Cilium,
    /// In Rust: the same
    Aya,
}

impl LoaderName {
    pub(crate) fn loader(self) -> Loader {
        match self {
            LoaderName::Libbpf => Loader::Libbpf,
            LoaderName::Cilium => Loader::Cilium,
            LoaderName::Aya => Loader::Aya,
        }
    }
}

impl KernelArgs {
    /// The verifier of the chosen kernel, where there is to be one only.
    pub(crate) fn verifier(&self, options: Options) -> Result<Verifier, String> {
        self.verifier_of(&self.choice()?, options)
    }

    /// The verifiers of all chosen kernels, with the same initial values of globals.
    pub(crate) fn verifiers(&self, options: Options, globals: &Globals) -> Result<Vec<Verifier>, String> {
        let open = |choice: &KernelChoice| self.verifier_of(choice, options);
        side_by_side(&self.choices()?, open)
            .into_iter()
            .map(|verifier| Ok(verifier?.with_globals(globals.clone())))
            .collect()
    }

    /// The verifiers of the kernels among which a program's oldest is looked for, oldest first: those that are named, or
    /// else all known ones, and that of a directory.
    pub(crate) fn oldest_first(&self, options: Options, globals: &Globals) -> Result<Vec<Verifier>, String> {
        let open = |choice: &KernelChoice| self.verifier_of(choice, options);
        let choices = self.base().with_known(&self.kernel)?;
        let mut verifiers: Vec<_> = side_by_side(&choices, open)
            .into_iter()
            .map(|verifier| Ok(verifier?.with_globals(globals.clone())))
            .collect::<Result<_, String>>()?;
        verifiers.sort_by_key(|verifier| verifier.kernel().version);
        Ok(verifiers)
    }

    /// The verifier of another kernel, for the same objects.
    pub(crate) fn verifier_of(&self, choice: &KernelChoice, options: Options) -> Result<Verifier, String> {
        let verifier = Verifier::new(choice.open()?, options).with_loader(self.loader.loader());
        let verifier = verifier.with_plans(self.plans()?).asking_for_plans();
        attached(verifier, &self.attach_to)
    }

    /// The load plans: those of a file, or else of the files beside objects, and what options say.
    fn plans(&self) -> Result<Arc<PlanSource>, String> {
        let options = Plans::of_options(&self.map, &self.no_autoload, &self.section)?;
        let source = match &self.plan {
            Some(file) => PlanSource::file(file)?,
            None => PlanSource::default(),
        };
        Ok(Arc::new(source.with(options)))
    }

    /// The chosen kernels: the default one, where none is named.
    pub(crate) fn choices(&self) -> Result<Vec<KernelChoice>, String> {
        Ok(self.base().each(&self.kernel)?)
    }

    /// The chosen kernel, where there is to be one only.
    pub(crate) fn choice(&self) -> Result<KernelChoice, String> {
        let mut choices = self.choices()?;
        match (choices.pop(), choices.len()) {
            (Some(choice), 0) => Ok(choice),
            (_, more) => Err(format!(
                "this command takes one kernel: --kernel names {}",
                more + 1
            )),
        }
    }

    /// The kernels' names as they are given.
    pub(crate) fn names(&self) -> &[String] {
        &self.kernel
    }

    /// Everything but the kernel's name.
    pub(crate) fn base(&self) -> KernelChoice {
        KernelChoice {
            name: None,
            dir: self.kernel_dir.clone(),
            switches: self.set.clone(),
            cpus: self.cpus,
            memlock: self.memlock,
            unprivileged: self.unprivileged,
        }
    }
}

/// A number of bytes: `65536`, `64K`.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (text.get(..at), 10),
        Some((at, 'm' | 'M')) => (text.get(..at), 20),
        Some((at, 'g' | 'G')) => (text.get(..at), 30),
        _ => (Some(text), 0),
    };
    let number = digits.and_then(|digits| digits.parse::<u64>().ok());
    let bytes = number.and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| "expected a number of bytes, such as 65536 or 64K".to_owned())
}

/// The same for programs that attach to these.
pub(crate) fn attached(verifier: Verifier, places: &[String]) -> Result<Verifier, String> {
    places
        .iter()
        .try_fold(verifier, |verifier, place| Ok(verifier.attached_to(place)?))
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say which programs the kernel accepts, and why it rejects the others
    ///
    /// Of several kernels (--kernel 6.12,6.18) it is a table with a column for each: accepted with insns/states, refused
    /// with the rule, or what the kernel lacks; and below it each reason once. The exit code is that of the worst column.
    ///
    /// With --minimum it is a row for each program: the oldest of the kernels from which on it loads, and what stops it on
    /// the one before.
    ///
    /// Exit code: 0 all accepted, 1 unusable input or nothing to verify, 2 a rejection, 3 something unsupported. With --minimum a program is
    /// accepted if it loads on the newest of the kernels.
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
    /// Exit code: 0 within budget, 1 unusable input, a budget that names no program or no program with a budget, 2 a program is rejected or
    /// exceeds its budget, 3 something unsupported.
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
    /// Draft a load plan for objects: what they leave for their loaders to set
    Plan(PlanArgs),
    /// Explain a rule that a program broke, the kernel's words or a whole log, or list all rules
    Explain(ExplainArgs),
    /// List the known kernels, and how what they decide is known
    Kernels,
    /// List the verifier's switches, with the chosen kernel's settings; of several kernels, a column for each
    Switches,
}

#[derive(clap::Args)]
pub(crate) struct PlanArgs {
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct ExplainArgs {
    /// The rule's code or name, as `verdict check` says it; or the kernel's words, or a file with a log as any kernel writes
    /// it and any loader prints it, - for standard input [default: list all rules]
    #[arg(value_name = "CODE|NAME|WORDS|FILE")]
    pub(crate) rule: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Show accepted programs, too; the table of several kernels has them always
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Load each object whole, all its programs with its maps together, as its library does by itself; of one kernel
    #[arg(long, conflicts_with = "minimum")]
    pub(crate) whole: bool,
    /// Say from which kernel on each program loads: of those of --kernel, or else of all known ones, and that of
    /// --kernel-dir
    #[arg(long)]
    pub(crate) minimum: bool,
    /// Let it be that there is nothing to verify
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Write a page to this file, too: the table of all programs, and of each refusal the explanation and the failing path,
    /// step by step
    #[arg(long, value_name = "FILE", conflicts_with = "whole")]
    pub(crate) html: Option<PathBuf>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    pub(crate) output: CheckOutput,
    /// How far rejections are explained; with --whole and --minimum they are not, in any form of the output
    #[arg(long, value_name = "HOW", default_value = "trials")]
    pub(crate) explain: ExplainHow,
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    #[command(flatten)]
    pub(crate) test: TestArgs,
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
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

/// How answers are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckOutput {
    /// In words, for people
    Text,
    /// One JSON document: records and counts, for programs (docs/schema/verdict-1.json)
    Json,
    /// The same records, a line each
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit's XML, for build servers: a test case for each program
    Junit,
    /// Workflow commands, for annotations in GitHub's CI; the Markdown page is added to the step's summary
    Github,
    /// A page in GitHub's Markdown, for comments and summaries
    Markdown,
}

impl CheckOutput {
    /// The form, unless it is text.
    pub(crate) fn form(self) -> Option<Form> {
        Some(match self {
            CheckOutput::Text => return None,
            CheckOutput::Json => Form::Json,
            CheckOutput::Jsonl => Form::Jsonl,
            CheckOutput::Sarif => Form::Sarif,
            CheckOutput::Junit => Form::Junit,
            CheckOutput::Github => Form::Github,
            CheckOutput::Markdown => Form::Markdown,
        })
    }
}

/// Test modes of the verifier.
#[derive(clap::Args)]
pub(crate) struct TestArgs {
    /// Create a state at every prune point (BPF_F_TEST_STATE_FREQ)
    #[arg(long, short = 't')]
    test_states: bool,
    /// Treat contradictory bounds of a register as an error (BPF_F_TEST_REG_INVARIANTS)
    #[arg(long, short = 'r')]
    test_reg_invariants: bool,
}

impl TestArgs {
    pub(crate) fn options(&self) -> Options {
        Options {
            test_states: self.test_states,
            test_invariants: self.test_reg_invariants,
        }
    }
}

/// Initial values of global variables.
#[derive(clap::Args)]
pub(crate) struct GlobalArgs {
    /// Set a global variable before loading: 'NAME = VALUE', an integer or an enumerator; NAME may be
    /// variable.member[2]. With @FILE the lines of a file
    #[arg(long, short = 'G', value_name = "NAME = VALUE|@FILE")]
    pub(crate) set_global_vars: Vec<String>,
    /// Set all global variables of a data map as 'bpftool map dump -j' printed it into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) globals_from: Vec<PathBuf>,
}

impl GlobalArgs {
    /// All of them.
    pub(crate) fn read(&self) -> Result<Globals, String> {
        let mut globals = self.dumped()?;
        for expression in &self.set_global_vars {
            match expression.strip_prefix('@') {
                Some(file) => {
                    let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
                    globals.add_lines(&text).map_err(|e| format!("{file}: {e}"))?;
                }
                None => globals.add(expression).map_err(|e| e.to_string())?,
            }
        }
        Ok(globals)
    }

    /// Those of dumped maps.
    pub(crate) fn dumped(&self) -> Result<Globals, String> {
        let mut globals = Globals::default();
        for file in &self.globals_from {
            let shown = file.display();
            let text = fs::read_to_string(file).map_err(|e| format!("{shown}: {e}"))?;
            globals.add_dump(&text).map_err(|e| format!("{shown}: {e}"))?;
        }
        Ok(globals)
    }
}

/// How figures are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Aligned columns
    Table,
    /// Comma-separated values
    Csv,
    /// A table for web pages, with what it adds up to
    Markdown,
    /// One JSON object a line
    Jsonl,
}

impl Output {
    pub(crate) fn format(self) -> Format {
        match self {
            Output::Table => Format::Table,
            Output::Csv => Format::Csv,
            Output::Markdown => Format::Markdown,
            Output::Jsonl => Format::Jsonl,
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
    /// First setting: kernel=NAME, kernel-dir=DIR, set=SWITCH=VALUE, global=NAME=VALUE, separated by commas. Two kernels
    /// alone can be given as --kernel A,B
    #[arg(long, value_name = "SETTING", requires = "b")]
    pub(crate) a: Option<String>,
    /// Second setting
    #[arg(long, value_name = "SETTING", requires = "a")]
    pub(crate) b: Option<String>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: Output,
    /// Columns, comma-separated [default: file,prog,insns,states, and verdict where one changes]
    #[arg(long, short, value_name = "COLUMNS", value_parser = columns)]
    pub(crate) emit: Option<Columns>,
    /// Find out which differences between the two decide: for each program whose verdict or cost differs, the switches
    /// of the verifier (or the tables, or the kernel's types) that must change, none of them needlessly, to get from the
    /// first one's figures to the second one's, and what each adds
    #[arg(long, conflicts_with_all = ["emit", "all", "summary", "fail_if"])]
    pub(crate) why: bool,
    /// Show unchanged programs, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Add totals, mean ratios, and who gained and lost most
    #[arg(long)]
    pub(crate) summary: bool,
    /// Exit with 2 if this holds of a program, such as 'insns_pct>10', 'states_diff>0' or 'verdict_b=failure'
    #[arg(long, value_name = "CONDITION", value_parser = fail_if)]
    pub(crate) fail_if: Vec<FailIf>,
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    #[command(flatten)]
    pub(crate) test: TestArgs,
    /// Two files of figures (CSV or JSON lines); with --a and --b objects, directories or globs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct GateArgs {
    /// The budgets
    #[arg(long, short, value_name = "FILE", default_value = "verdict.toml")]
    pub(crate) budget: PathBuf,
    /// Let it be that there is nothing to verify
    #[arg(long)]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    #[command(flatten)]
    pub(crate) test: TestArgs,
    /// Objects, directories or globs, or recorded figures (.csv, .jsonl) [default: those of the file]
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
}

/// Settings with several values: `--set 'SWITCH=*'` or `'SWITCH=VALUE|VALUE'`, `--kernel A,B`,
/// `-G 'NAME = 1|2|4'` or `-G 'NAME = 1..8'`; all their combinations are tried.
#[derive(clap::Args)]
pub(crate) struct SweepArgs {
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: Output,
    /// Figures, comma-separated [default: insns]
    #[arg(long, short, value_name = "COLUMNS", value_parser = columns)]
    pub(crate) emit: Option<Columns>,
    /// Show only programs that the settings tell apart
    #[arg(long)]
    pub(crate) changed: bool,
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    #[command(flatten)]
    pub(crate) test: TestArgs,
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct ProfileArgs {
    /// Write folded stacks, as flame graph tools read them, instead of tables
    #[arg(long)]
    pub(crate) folded: bool,
    /// Write a flame graph to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// What stacks and flame graphs count
    #[arg(long, value_name = "FIGURE", default_value = "insns")]
    pub(crate) by: ProfileFigure,
    /// Rows of each table; 0 for all [default: 10]
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) top: Option<usize>,
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    #[command(flatten)]
    pub(crate) test: TestArgs,
    /// The object
    #[arg(value_name = "OBJECT")]
    pub(crate) object: PathBuf,
    /// The program, where the object has several
    #[arg(value_name = "PROGRAM")]
    pub(crate) program: Option<String>,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileFigure {
    /// Instructions processed
    Insns,
    /// States kept for comparison
    States,
    /// Paths ended by an explored state
    Hits,
    /// Explored states that did not match
    Misses,
}

#[derive(clap::Args)]
pub(crate) struct LogArgs {
    /// Level: 1 the last path, 2 every path, 4 figures, 8 the start of a log that is too long; added up
    #[arg(long, short, default_value_t = 1, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(1..=15))]
    pub(crate) level: u32,
    /// Size of the buffer for the log: what is longer loses its start, with level 8 its end
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(..=i64::from(u32::MAX >> 2)))]
    pub(crate) log_size: Option<u32>,
    /// Make numbers that look like addresses of the kernel zeros, as in recorded logs
    #[arg(long)]
    pub(crate) normalize: bool,
    /// Write a page to this file instead: the walk step by step, with the state at each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["log_size", "normalize", "libbpf"])]
    pub(crate) html: Option<PathBuf>,
    /// Show the log as libbpf prints it
    #[arg(long)]
    pub(crate) libbpf: bool,
    /// The program, where the object has several
    #[arg(long, short, value_name = "NAME")]
    pub(crate) program: Option<String>,
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    #[command(flatten)]
    pub(crate) test: TestArgs,
    /// The object
    #[arg(value_name = "OBJECT")]
    pub(crate) object: PathBuf,
}

/// How the results of tests are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestOutput {
    /// A line for each test, failures and counts
    Text,
    /// JUnit's XML
    Junit,
}

#[derive(clap::Args)]
pub(crate) struct SuiteArgs {
    /// Only tests with this text in object, program or description; may be given several times
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) filter: Vec<String>,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    pub(crate) output: TestOutput,
    /// Print failures and counts only
    #[arg(long, short, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print counts of expectations and descriptions, too
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Let it be that there is nothing to verify
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// List of tests that are known to fail: 'OBJECT PROGRAM NUMBER: REASON', a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) known: Option<PathBuf>,
    /// Objects, directories or globs
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<PathBuf>,
}

/// A list of columns, as one value of the command line.
#[derive(Clone)]
pub(crate) struct Columns(pub(crate) Vec<Column>);

fn columns(list: &str) -> Result<Columns, verdict_report::UnknownColumn> {
    parse_columns(list).map(Columns)
}

fn fail_if(condition: &str) -> Result<FailIf, FilterError> {
    FailIf::parse(condition)
}
