//! How far verdict agrees with what a real kernel said of the same programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use verdict_report::{Figures, Record, Verdict};

use crate::Done;
use crate::counts::Counts;
use crate::coverage;
use crate::delta;
use crate::workers::{self, Lost, Said, Setting};

/// What to compare.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    setting: Setting,
    /// What the kernel said: JSON lines of the oracle
    #[arg(long, value_name = "FILE")]
    golden: PathBuf,
    /// What another kernel said otherwise, as `xtask delta` writes it: the one to compare with
    #[arg(long, value_name = "FILE")]
    delta: Option<PathBuf>,
    /// Only objects whose file name matches
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// Seconds that one program may take
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    limit: u64,
    /// Show at most so many differing programs
    #[arg(long, default_value_t = 40, value_name = "N")]
    show: usize,
    /// The programs that are known to differ: exactly these may; may be given several times
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// Leave a field out of the comparison
    #[arg(long, value_name = "FIELD")]
    without: Vec<String>,
    /// Let programs be unsupported without being known
    #[arg(long)]
    unsupported_ok: bool,
    /// Fail when fewer programs agree in all fields
    #[arg(long, value_name = "N")]
    at_least: Option<usize>,
    /// Hold what is counted to this corpus's and kernel's line in a file of counts
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
    /// Write that line
    #[arg(long, value_name = "FILE", conflicts_with = "counts")]
    save_counts: Option<PathBuf>,
    /// Write verdict's own answers here, in the golden file's form
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Add the places where programs were refused that agree in all fields to this file, for `xtask coverage`
    #[arg(long, value_name = "FILE")]
    pub(crate) save_sites: Option<PathBuf>,
    /// Objects, directories or globs
    #[arg(required = true)]
    objects: Vec<PathBuf>,
}

impl Args {
    /// A comparison of these objects with what a kernel said, in which programs may be unsupported.
    pub(crate) fn of(setting: Setting, golden: PathBuf, objects: Vec<PathBuf>, show: usize) -> Args {
        Args {
            setting,
            golden,
            delta: None,
            only: Vec::new(),
            limit: 60,
            show,
            known: Vec::new(),
            without: Vec::new(),
            unsupported_ok: true,
            at_least: None,
            counts: None,
            save_counts: None,
            save: None,
            save_sites: None,
            objects,
        }
    }
}

/// A field of a record as text, `None` where the record has none.
type Field = (&'static str, fn(&Record) -> Option<String>);

/// What is compared, in the order in which it is shown.
const FIELDS: [Field; 16] = [
    ("stage", |r| Some(r.stage.name().to_owned())),
    ("verdict", |r| Some(r.verdict.name().to_owned())),
    ("errno", |r| Some(r.errno.to_string())),
    ("prog_type", |r| figure(r, |f| f.prog_type.clone())),
    ("attach_type", |r| figure(r, |f| f.attach_type.clone())),
    ("prog_size", |r| figure(r, |f| f.prog_size.to_string())),
    ("insns", |r| figure(r, |f| f.insns.to_string())),
    ("states", |r| figure(r, |f| f.states.to_string())),
    ("peak_states", |r| figure(r, |f| f.peak_states.to_string())),
    ("max_states_per_insn", |r| {
        figure(r, |f| f.max_states_per_insn.to_string())
    }),
    ("mark_read", |r| figure(r, |f| f.mark_read.to_string())),
    ("stack_depth", |r| figure(r, |f| f.stack_depth.clone())),
    ("words", |r| {
        r.tail
            .as_ref()
            .map(|tail| tail.lines().last().unwrap_or_default().to_owned())
    }),
    ("tail", |r| r.tail.clone()),
    ("libbpf", |r| r.libbpf.clone()),
    ("log", |r| r.log_sha256.clone()),
];

fn figure(record: &Record, value: fn(&Figures) -> String) -> Option<String> {
    record.figures.as_ref().map(value)
}

/// Fields that are compared only where the kernel's record has them: not every recording took them.
const OPTIONAL: [&str; 4] = ["words", "tail", "libbpf", "log"];

/// Whether a field is known of a program before it is verified, and so also of an unsupported one. libbpf may
/// still give up on a program that was verified.
fn is_known_before(field: &str, expected: &Record) -> bool {
    let verified = expected.figures.as_ref().is_some_and(|figures| figures.insns > 0);
    match field {
        "stage" => !verified,
        _ => ["prog_type", "attach_type", "prog_size"].contains(&field),
    }
}

/// Fields whose difference is counted but does not make a program differ: what libbpf prints is
/// compared for its reason, and logs have a count of their own.
const ASIDE: [&str; 1] = ["libbpf"];

type Key = (String, String);

fn key(record: &Record) -> Key {
    (record.object.clone(), record.program.clone().unwrap_or_default())
}

/// A program on which verdict and the kernel differ.
struct Difference<'a> {
    key: Key,
    size: u64,
    fields: Vec<(&'static str, Option<String>, Option<String>)>,
    said: &'a Said,
}

/// What a comparison found.
#[derive(Default)]
struct Findings<'a> {
    /// Per field: how many were equal, and how many were compared.
    counts: BTreeMap<&'static str, (usize, usize)>,
    equal: usize,
    /// Those of them of which something was refused.
    refused: Vec<&'a Said>,
    differing: Vec<Difference<'a>>,
    unsupported: BTreeMap<String, Vec<Key>>,
    missing: Vec<Key>,
    extra: Vec<Key>,
}

/// Compares and prints.
pub(crate) fn run(args: &Args) -> Done {
    let golden = read_golden(args)?;
    let objects = workers::objects(&args.objects, &args.only)?;
    let run = workers::ask(&objects, &args.setting, Duration::from_secs(args.limit))?;
    if let Some(path) = &args.save {
        let lines: String = run
            .said
            .iter()
            .map(|s| verdict_report::to_json_line(&s.record) + "\n")
            .collect();
        fs::write(path, lines).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let names: BTreeSet<String> = objects.iter().map(|path| workers::file_name(path)).collect();
    let mut without = args.without.clone();
    if args.setting.logs.is_none() {
        without.push("log".to_owned());
    }
    let findings = compare(&golden, &run.said, &names, &without);
    print_findings(&findings, &run.lost, args.show);
    if let Some((time, name)) = &run.slowest {
        println!("slowest: {name}, {:.1} s", time.as_secs_f64());
    }
    let as_counted = counted(args, &findings)?;
    if let Some(file) = &args.save_sites {
        save_sites(args, file, &findings)?;
    }
    Ok(judge(args, &findings, &run.lost, &names)? && as_counted)
}

/// Adds the places where programs were refused that are equal to a file, each with one of them.
fn save_sites(args: &Args, file: &Path, findings: &Findings<'_>) -> Result<(), String> {
    let kernel = args.setting.kernel()?;
    let placed = findings.refused.iter().flat_map(|said| {
        let program = said.record.program.as_deref().unwrap_or_default();
        let program = format!("{kernel} {} {program}", said.record.object);
        said.sites.iter().map(move |site| (site, program.clone()))
    });
    coverage::save(file, coverage::named(placed)?)
}

/// Compares the counts with those that are expected, or writes them.
fn counted(args: &Args, findings: &Findings<'_>) -> Done {
    let Some(file) = args.counts.as_ref().or(args.save_counts.as_ref()) else {
        return Ok(true);
    };
    let first = args
        .objects
        .first()
        .map(PathBuf::as_path)
        .unwrap_or(Path::new(""));
    let corpus = if first.is_dir() {
        Some(first)
    } else {
        first.parent()
    };
    let fields = findings
        .counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count));
    let counts = Counts {
        kernel: args.setting.kernel()?,
        corpus: corpus.map(workers::file_name).unwrap_or_default(),
        equal: findings.equal,
        differing: findings.differing.len(),
        unsupported: findings.unsupported.values().map(Vec::len).sum(),
        fields: fields.collect(),
    };
    match args.save_counts {
        Some(_) => counts.save(file).map(|()| true),
        None => counts.hold(file),
    }
}

fn read_golden(args: &Args) -> Result<BTreeMap<Key, Record>, String> {
    let text = delta::apply(&args.golden, args.delta.as_deref())?;
    let record = |line| -> Result<(Key, Record), String> {
        let record: Record =
            serde_json::from_str(line).map_err(|e| format!("{}: {e}: {line}", args.golden.display()))?;
        Ok((key(&record), record))
    };
    text.lines().map(record).collect()
}

fn compare<'a>(
    golden: &BTreeMap<Key, Record>,
    said: &'a [Said],
    names: &BTreeSet<String>,
    without: &[String],
) -> Findings<'a> {
    let mut findings = Findings::default();
    let mut seen = BTreeSet::new();
    for said in said {
        let key = key(&said.record);
        seen.insert(key.clone());
        let Some(expected) = golden.get(&key) else {
            findings.extra.push(key);
            continue;
        };
        if said.record.verdict == Verdict::Unsupported {
            let what = said.record.unsupported.clone().unwrap_or_default();
            findings.unsupported.entry(what).or_default().push(key.clone());
        }
        findings.take(key, expected, said, without);
    }
    findings.missing = golden
        .keys()
        .filter(|k| names.contains(&k.0) && !seen.contains(*k))
        .cloned()
        .collect();
    findings
        .differing
        .sort_by(|a, b| (a.size, &a.key).cmp(&(b.size, &b.key)));
    findings
}

/// Whether a record has in all fields what the kernel's has.
pub(crate) fn agrees(expected: &Record, ours: &Record) -> bool {
    FIELDS
        .iter()
        .filter(|(name, _)| !ASIDE.contains(name))
        .all(|(name, value)| {
            let (theirs, ours) = (value(expected), value(ours));
            theirs == ours || theirs.is_none() && OPTIONAL.contains(name)
        })
}

impl<'a> Findings<'a> {
    fn take(&mut self, key: Key, expected: &Record, said: &'a Said, without: &[String]) {
        let mut fields = Vec::new();
        let decided = said.record.verdict.is_decided();
        for (name, value) in FIELDS {
            let (theirs, ours) = (value(expected), value(&said.record));
            let absent = theirs.is_none() && (OPTIONAL.contains(&name) || ours.is_none());
            let open = !decided && !is_known_before(name, expected);
            if absent || open || without.iter().any(|w| w == name) {
                continue;
            }
            let count = self.counts.entry(name).or_default();
            count.1 += 1;
            if theirs == ours {
                count.0 += 1;
            } else {
                fields.push((name, theirs, ours));
            }
        }
        if fields.iter().all(|(name, ..)| ASIDE.contains(name)) {
            self.equal += usize::from(decided);
            self.refused.extend((!said.sites.is_empty()).then_some(said));
        } else {
            let size = expected.figures.as_ref().map_or(0, |f| f.prog_size);
            self.differing.push(Difference {
                key,
                size,
                fields,
                said,
            });
        }
    }
}

fn print_findings(findings: &Findings<'_>, lost: &[Lost], show: usize) {
    for difference in findings.differing.iter().take(show) {
        print_difference(difference);
    }
    if findings.differing.len() > show {
        println!(
            "... and {} more differing programs",
            findings.differing.len() - show
        );
    }
    for (object, program) in &findings.missing {
        println!("missing: {object} {program}");
    }
    for (object, program) in &findings.extra {
        println!("unknown to the kernel's record: {object} {program}");
    }
    for lost in lost {
        println!(
            "no answer: {} {}: {}",
            lost.object,
            lost.program.as_deref().unwrap_or("-"),
            lost.why
        );
    }
    let mut reasons: Vec<_> = findings.unsupported.iter().collect();
    reasons.sort_by_key(|(what, keys)| (std::cmp::Reverse(keys.len()), what.as_str()));
    for (what, keys) in reasons {
        let example = keys
            .first()
            .map(|(object, program)| format!("{object} {program}"))
            .unwrap_or_default();
        println!("unsupported: {:5}  {what}  (e.g. {example})", keys.len());
    }
    for (name, _) in FIELDS {
        if let Some((equal, compared)) = findings.counts.get(name) {
            println!("{name:>20}: {equal} of {compared} equal");
        }
    }
    let unsupported: usize = findings.unsupported.values().map(Vec::len).sum();
    println!(
        "{} programs equal, {} differing, {unsupported} unsupported, {} without an answer",
        findings.equal,
        findings.differing.len(),
        lost.len()
    );
}

fn print_difference(difference: &Difference<'_>) {
    println!(
        "{} {} ({} insns long)",
        difference.key.0, difference.key.1, difference.size
    );
    for (name, theirs, ours) in &difference.fields {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        if *name == "tail" || *name == "libbpf" {
            print_texts(name, &text(theirs), &text(ours));
        } else if *name != "log" {
            println!("    {name}: {} (kernel), {} (verdict)", text(theirs), text(ours));
        } else if let Some(log) = &difference.said.log_difference {
            let end = || "(the log is over)".to_owned();
            println!("    log, line {}:", log.line);
            println!(
                "        kernel:  {}",
                log.kernels.clone().unwrap_or_else(end).trim_end()
            );
            println!(
                "        verdict: {}",
                log.ours.clone().unwrap_or_else(end).trim_end()
            );
        } else {
            println!("    log: another checksum");
        }
    }
}

/// Shows the first line in which two texts differ.
fn print_texts(name: &str, theirs: &str, ours: &str) {
    let longer = theirs.lines().count().max(ours.lines().count());
    let line = |text: &str, i: usize| text.lines().nth(i).map(str::to_owned);
    for i in 0..longer {
        let (k, v) = (line(theirs, i), line(ours, i));
        if k != v {
            println!("    {name}, line {}:", i + 1);
            println!("        kernel:  {}", k.as_deref().unwrap_or("-"));
            println!("        verdict: {}", v.as_deref().unwrap_or("-"));
            return;
        }
    }
    println!("    {name}: differs in its end");
}

/// Holds the findings against what is asked for.
fn judge(args: &Args, findings: &Findings<'_>, lost: &[Lost], names: &BTreeSet<String>) -> Done {
    let mut wrong: BTreeSet<Key> = findings.differing.iter().map(|d| d.key.clone()).collect();
    wrong.extend(findings.missing.iter().chain(&findings.extra).cloned());
    wrong.extend(
        lost.iter()
            .map(|l| (l.object.clone(), l.program.clone().unwrap_or_default())),
    );
    let unsupported: BTreeSet<Key> = findings.unsupported.values().flatten().cloned().collect();
    let mut well = true;
    if !args.known.is_empty() {
        let mut known = BTreeSet::new();
        for path in &args.known {
            known.extend(read_known(path, names)?);
        }
        for (object, program) in wrong.difference(&known) {
            println!("not known to differ: {object} {program}");
            well = false;
        }
        for (object, program) in unsupported.difference(&known).filter(|_| !args.unsupported_ok) {
            println!("not known to be unsupported: {object} {program}");
            well = false;
        }
        for (object, program) in known.difference(&wrong).filter(|key| !unsupported.contains(key)) {
            println!("known to differ, but equal now: {object} {program}: take it out of the list");
            well = false;
        }
    } else {
        well = wrong.is_empty() && (args.unsupported_ok || unsupported.is_empty());
    }
    if let Some(least) = args.at_least.filter(|least| findings.equal < *least) {
        println!(
            "{} programs are equal: at least {least} are expected",
            findings.equal
        );
        well = false;
    }
    Ok(well)
}

/// The list of known gaps: `object program  # the rule that is missing`, a line each.
fn read_known(path: &PathBuf, names: &BTreeSet<String>) -> Result<BTreeSet<Key>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut known = BTreeSet::new();
    for (i, line) in text.lines().enumerate() {
        let (entry, reason) = line.split_once('#').unwrap_or((line, ""));
        let words: Vec<_> = entry.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [object, program] if !reason.trim().is_empty() => {
                if names.contains(*object) {
                    known.insert(((*object).to_owned(), (*program).to_owned()));
                }
            }
            _ => {
                return Err(format!(
                    "{}:{}: expected `object program  # reason`",
                    path.display(),
                    i + 1
                ));
            }
        }
    }
    Ok(known)
}
