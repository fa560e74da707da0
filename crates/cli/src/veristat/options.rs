//! What `verdict stat` is asked for: veristat's options, and verdict's own.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use verdict::loader::Globals;
use verdict::{KernelChoice, Loader};
use verdict_report::{Column, Filters, Format, Programs, Spec, UnknownColumn, list_lines, parse_specs};

use super::getopt::{Item, Opt, Takes, parse};
use crate::args::{LoaderName, bytes, cpus, seconds};

use super::{FAILED, INVALID, Refusal, USAGE};

/// What is asked for.
#[derive(Default)]
pub(super) struct Options {
    pub(super) verbose: bool,
    pub(super) debug: bool,
    pub(super) quiet: bool,
    pub(super) log_level: u32,
    pub(super) log_size: Option<u32>,
    pub(super) log_fixed: bool,
    /// 0 for all; nothing when negative.
    pub(super) top_n: i64,
    pub(super) top_sources: i64,
    /// The columns that were named, in order.
    pub(super) emit: Vec<Spec>,
    pub(super) sort: Vec<Spec>,
    pub(super) format: Option<Format>,
    pub(super) compare: bool,
    pub(super) replay: bool,
    pub(super) filters: Filters,
    pub(super) test_states: bool,
    pub(super) test_invariants: bool,
    /// Initial values of global variables.
    pub(super) globals: Globals,
    pub(super) dump: Dump,
    pub(super) show: Option<Show>,
    pub(super) kernel: KernelChoice,
    /// The kernels that are named.
    pub(super) kernels: Vec<String>,
    pub(super) loader: Loader,
    /// What the programs attach to.
    pub(super) attach_to: Vec<String>,
    pub(super) jobs: Option<u16>,
    /// How long a verification may take.
    pub(super) timeout: Option<Duration>,
    /// How many bytes its states may take.
    pub(super) max_memory: Option<u64>,
    pub(super) files: Vec<String>,
    /// The arguments that are no UTF-8, as they are.
    pub(super) no_text: Vec<OsString>,
}

/// Which code of programs is printed.
#[derive(Clone, Copy, Default)]
pub(super) struct Dump {
    /// Their instructions.
    pub(super) insns: bool,
    /// What a kernel compiles them to.
    pub(super) jited: bool,
}

/// Something that is shown instead of figures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    Help,
    Usage,
    Version,
}

#[derive(Clone, Copy)]
enum Key {
    Show(Show),
    Verbose,
    Debug,
    Quiet,
    LogLevel,
    LogFixed,
    LogSize,
    TopN,
    Emit,
    Sort,
    Format,
    Compare,
    Replay,
    Filter,
    Program,
    TestStates,
    TestInvariants,
    TopSources,
    Global,
    GlobalsFrom,
    Dump,
    Kernel,
    KernelDir,
    Assume,
    Switch,
    Cpus,
    Memlock,
    Loader,
    AttachTo,
    Jobs,
    Timeout,
    MaxMemory,
}

const fn option(short: char, long: &'static str, takes: Takes, key: Key) -> Opt<Key> {
    Opt {
        key,
        short: Some(short),
        long,
        takes,
    }
}

const fn long(long: &'static str, takes: Takes, key: Key) -> Opt<Key> {
    Opt {
        key,
        short: None,
        long,
        takes,
    }
}

const OPTIONS: [Opt<Key>; 35] = [
    option('h', "help", Takes::Nothing, Key::Show(Show::Help)),
    option('?', "", Takes::Nothing, Key::Show(Show::Help)),
    long("usage", Takes::Nothing, Key::Show(Show::Usage)),
    option('V', "version", Takes::Nothing, Key::Show(Show::Version)),
    option('v', "verbose", Takes::Nothing, Key::Verbose),
    option('d', "debug", Takes::Nothing, Key::Debug),
    option('q', "quiet", Takes::Nothing, Key::Quiet),
    option('l', "log-level", Takes::Argument, Key::LogLevel),
    long("log-fixed", Takes::Nothing, Key::LogFixed),
    long("log-size", Takes::Argument, Key::LogSize),
    option('n', "top-n", Takes::Argument, Key::TopN),
    option('e', "emit", Takes::Argument, Key::Emit),
    option('s', "sort", Takes::Argument, Key::Sort),
    option('o', "output-format", Takes::Argument, Key::Format),
    option('C', "compare", Takes::Nothing, Key::Compare),
    option('R', "replay", Takes::Nothing, Key::Replay),
    option('f', "filter", Takes::Argument, Key::Filter),
    option('p', "program", Takes::Argument, Key::Program),
    option('t', "test-states", Takes::Nothing, Key::TestStates),
    option('r', "test-reg-invariants", Takes::Nothing, Key::TestInvariants),
    option('S', "top-src-lines", Takes::Argument, Key::TopSources),
    option('G', "set-global-vars", Takes::Argument, Key::Global),
    long("globals-from", Takes::Argument, Key::GlobalsFrom),
    long("dump", Takes::Maybe, Key::Dump),
    long("kernel", Takes::Argument, Key::Kernel),
    long("kernel-dir", Takes::Argument, Key::KernelDir),
    long("assume", Takes::Argument, Key::Assume),
    long("set", Takes::Argument, Key::Switch),
    long("cpus", Takes::Argument, Key::Cpus),
    long("memlock", Takes::Argument, Key::Memlock),
    long("loader", Takes::Argument, Key::Loader),
    long("attach-to", Takes::Argument, Key::AttachTo),
    option('j', "jobs", Takes::Argument, Key::Jobs),
    long("timeout", Takes::Argument, Key::Timeout),
    long("max-memory", Takes::Argument, Key::MaxMemory),
];

impl Options {
    /// Understands the arguments behind the program's name.
    pub(super) fn parse(arguments: &[String]) -> Result<Options, Refusal> {
        let items = parse(&OPTIONS, arguments).map_err(|words| Refusal::new(USAGE, words))?;
        let mut options = Options::default();
        for item in items {
            match item {
                Item::Option(key, value) => options.take(key, &value.unwrap_or_default())?,
                Item::Operand(path) => options.take_file(path)?,
            }
        }
        options.check()?;
        Ok(options)
    }

    fn take(&mut self, key: Key, value: &str) -> Result<(), Refusal> {
        match key {
            // Nothing that comes later can change what these show.
            Key::Show(show) => self.show = self.show.or(Some(show)),
            Key::Verbose => self.verbose = true,
            Key::Debug => (self.debug, self.verbose) = (true, true),
            Key::Quiet => self.quiet = true,
            Key::LogLevel => self.log_level = clamped(number("log level", value)?),
            Key::LogFixed => self.log_fixed = true,
            Key::LogSize => {
                let size = clamped(number("log size", value)?);
                self.log_size = (size > 0).then_some(size);
            }
            Key::TopN => self.top_n = number("top N specifier", value)?,
            Key::TopSources => self.top_sources = number("top lines N specifier", value)?,
            Key::Emit => self.emit.extend(specs(value)?),
            Key::Sort => self.sort.extend(specs(value)?),
            Key::Format => self.format = Some(format(value)?),
            Key::Compare => self.compare = true,
            Key::Replay => self.replay = true,
            Key::Filter => self.take_filter(value)?,
            Key::TestStates => self.test_states = true,
            Key::TestInvariants => self.test_invariants = true,
            Key::Global => self.take_global(value)?,
            Key::GlobalsFrom => {
                let dump = read_list(value).map_err(|e| failed_to("open map dump in", value, &e))?;
                let failed = |error| Refusal::new(FAILED, format!("{value}: {error}"));
                self.globals.add_dump(&dump).map_err(failed)?;
            }
            Key::Dump => match value.to_ascii_lowercase().as_str() {
                "" | "xlated" => self.dump.insns = true,
                "jited" => self.dump.jited = true,
                _ => return Err(Refusal::new(FAILED, format!("Unrecognized dump mode '{value}'"))),
            },
            Key::Loader => {
                let name = LoaderName::from_str(value, false);
                let name = name.map_err(|_| Refusal::new(USAGE, format!("unknown loader: {value}")))?;
                self.loader = name.loader();
            }
            Key::AttachTo => self.attach_to.push(value.to_owned()),
            Key::Kernel => self.kernels.push(value.to_owned()),
            Key::KernelDir => self.kernel.dir = Some(value.into()),
            Key::Assume => self.kernel.assume = Some(value.to_owned()),
            Key::Program => {
                // As a filter that has a name only.
                Programs::parse(value)
                    .map_err(|expected| Refusal::new(USAGE, format!("--program '{value}': {expected}")))?;
                self.take_filter(value)?;
            }
            Key::Cpus => {
                let cpus = cpus(value);
                self.kernel.cpus =
                    Some(cpus.map_err(|e| Refusal::new(USAGE, format!("--cpus '{value}': {e}")))?);
            }
            Key::Memlock => {
                let limit = bytes(value);
                let limit = limit.map_err(|e| Refusal::new(USAGE, format!("--memlock '{value}': {e}")))?;
                self.kernel.memlock = Some(limit);
            }
            Key::Timeout => {
                let time = seconds(value);
                let time = time.map_err(|e| Refusal::new(USAGE, format!("--timeout '{value}': {e}")))?;
                self.timeout = Some(time);
            }
            Key::MaxMemory => {
                let most = bytes(value);
                let most = most.map_err(|e| Refusal::new(USAGE, format!("--max-memory '{value}': {e}")))?;
                self.max_memory = Some(most);
            }
            Key::Switch => self.kernel.switches.push(value.to_owned()),
            Key::Jobs => {
                let jobs = value.parse().ok().filter(|jobs| *jobs > 0);
                let words = || format!("invalid number of jobs: {value}");
                self.jobs = Some(jobs.ok_or_else(|| Refusal::new(USAGE, words()))?);
            }
        }
        Ok(())
    }

    fn take_filter(&mut self, value: &str) -> Result<(), Refusal> {
        let added = match value.strip_prefix('@') {
            Some(path) => {
                let list = read_list(path).map_err(|e| failed_to("open filters in", path, &e))?;
                self.filters.add_list(&list)
            }
            None => self.filters.add(value),
        };
        added.map_err(|error| {
            let more = "Failed to collect program filter expressions: -22";
            Refusal::new(FAILED, format!("{error}\n{more}"))
        })
    }

    fn take_global(&mut self, value: &str) -> Result<(), Refusal> {
        let added = match value.strip_prefix('@') {
            Some(path) => {
                let list = read_list(path).map_err(|e| failed_to("open presets in", path, &e))?;
                self.globals.add_lines(&list)
            }
            None => self.globals.add(value),
        };
        added.map_err(|error| {
            let more = format!("Failed to parse global variable presets: {value}");
            Refusal::new(FAILED, format!("{error}\n{more}"))
        })
    }

    fn take_file(&mut self, path: String) -> Result<(), Refusal> {
        match path.strip_prefix('@') {
            Some(path) => {
                let list = read_list(path).map_err(|e| failed_to("open object files list in", path, &e))?;
                self.files.extend(list_lines(&list).map(str::to_owned));
            }
            None => self.files.push(path),
        }
        Ok(())
    }

    /// Whether the options go together.
    fn check(&mut self) -> Result<(), Refusal> {
        if self.show.is_some() {
            return Ok(());
        }
        if self.verbose && self.quiet {
            let words = "Verbose and quiet modes are incompatible, please specify just one or neither!";
            return Err(Refusal::with_usage(FAILED, words));
        }
        if self.verbose && self.log_level == 0 {
            self.log_level = 1;
        }
        let (code, words) = match (self.compare, self.replay, self.files.len()) {
            (true, true, _) => (
                FAILED,
                "Can't specify replay and comparison mode at the same time!",
            ),
            (true, false, 2) | (false, true, 1) | (false, false, 1..) => return Ok(()),
            (true, false, _) => (INVALID, "Comparison mode expects exactly two input CSV files!"),
            (false, true, _) => (INVALID, "Replay mode expects exactly one input CSV file!"),
            (false, false, 0) => (INVALID, "Please provide path to BPF object file!"),
        };
        Err(Refusal::with_usage(code, words))
    }

    /// The form of the output.
    pub(super) fn format(&self) -> Format {
        self.format.unwrap_or(Format::Table)
    }

    /// What is shown: what was asked for, or what veristat shows in this form.
    pub(super) fn columns(&self) -> Vec<Column> {
        let named: Vec<_> = self.emit.iter().map(|spec| spec.figure.column).collect();
        match self.format() {
            _ if !named.is_empty() => named,
            Format::Table | Format::Markdown => Column::TABLE.to_vec(),
            Format::Csv | Format::Json | Format::Jsonl => Column::CSV.to_vec(),
        }
    }

    /// Every column that something is asked about.
    pub(super) fn asks_about(&self, columns: &[Column]) -> bool {
        let named = self.emit.iter().chain(&self.sort).map(|spec| spec.figure);
        named
            .chain(self.filters.figures())
            .any(|figure| columns.contains(&figure.column))
    }

    /// The objects, as they were named.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let mut no_text = self.no_text.clone();
        let path = |file: &String| {
            let is_it = |argument: &OsString| argument.to_string_lossy() == *file;
            match no_text.iter().position(is_it) {
                Some(at) => PathBuf::from(no_text.remove(at)),
                None => PathBuf::from(file),
            }
        };
        self.files.iter().map(path).collect()
    }

    /// How many rows are shown at most.
    pub(super) fn limit(&self) -> usize {
        match self.top_n {
            0 => usize::MAX,
            n => usize::try_from(n).unwrap_or(0),
        }
    }
}

fn specs(value: &str) -> Result<Vec<Spec>, Refusal> {
    parse_specs(value).map_err(|unknown| {
        let known = UnknownColumn(unknown.0.clone());
        Refusal::new(FAILED, format!("{unknown}\n{known}"))
    })
}

fn format(value: &str) -> Result<Format, Refusal> {
    match value {
        "table" => Ok(Format::Table),
        "csv" => Ok(Format::Csv),
        "json" => Ok(Format::Json),
        "jsonl" => Ok(Format::Jsonl),
        "markdown" => Ok(Format::Markdown),
        _ => {
            let words = format!("Unrecognized output format '{value}'");
            let known = "expected one of table, csv, json, jsonl, markdown";
            Err(Refusal::new(FAILED, format!("{words}\n{known}")))
        }
    }
}

/// A number as C reads it: what follows its digits does not count, and without digits it is 0.
fn number(what: &str, text: &str) -> Result<i64, Refusal> {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Ok(0);
    }
    let number = text.get(..sign + digits).unwrap_or_default();
    number
        .parse()
        .map_err(|_| Refusal::with_usage(USAGE, &format!("invalid {what}: {text}")))
}

fn clamped(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

fn read_list(path: &str) -> io::Result<String> {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn failed_to(what: &str, path: &str, error: &io::Error) -> Refusal {
    Refusal::new(FAILED, format!("Failed to {what} '{path}': {error}"))
}
