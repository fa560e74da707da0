//! Which differences between two kernels decide on a program.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::Switch;

use crate::check::by_whom;
use crate::forms::{DocumentHead, Said, write_json};
use crate::sheet::{Cell, Head, Layout, Sheet};
use crate::{Format, Look, Need, Part, Record, Verdict};

/// Something in which two kernels differ.
#[derive(Clone, Copy, Debug)]
pub enum Element {
    /// Limits of the verifier.
    Limits,
    /// The machine.
    Machine,
    /// Tables of helpers, kfuncs, contexts and map types.
    Tables,
    /// Types, configuration and symbols.
    Types,
    /// A switch, with its value in the first kernel and in the second.
    Switch(&'static Switch, &'static str, &'static str),
}

impl Element {
    /// Its name, the same for all programs.
    pub fn name(&self) -> &'static str {
        match self {
            Element::Limits => "its limits",
            Element::Machine => "its machine",
            Element::Tables => "the tables",
            Element::Types => "its BTF",
            Element::Switch(switch, ..) => switch.name,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Switch(switch, from, to) => {
                write!(f, "{}.{} {from} -> {to}", switch.family, switch.name)
            }
            _ => f.write_str(self.name()),
        }
    }
}

/// An element that decides, and what it adds.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// The element.
    pub element: Element,
    /// Processed instructions that it adds when the causes are set one after another, in their order.
    pub insns: i64,
    /// States that it adds.
    pub states: i64,
}

/// A program on which two kernels differ in the verdict or its cost.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What the first kernel says.
    pub a: Record,
    /// What the second one says.
    pub b: Record,
    /// The fewest elements found that turn the first kernel's figures into the second one's: no element of them
    /// can be left out. Empty when one side is unsupported.
    pub causes: Vec<Cause>,
    /// The rule by which each of the kernels refuses it.
    pub rules: [Option<Rule>; 2],
    /// What one of the kernels lacks, as it is the reason.
    pub need: Option<Need>,
    /// Settings that were tried.
    pub runs: usize,
    /// Settings under which the model contradicted itself, and which therefore count as no answer.
    pub contradictions: usize,
}

impl Difference {
    fn change(&self, figure: fn(&crate::Figures) -> u64) -> i64 {
        let number = |record: &Record| {
            let n = record.figures.as_ref().map_or(0, figure);
            i64::try_from(n).unwrap_or(i64::MAX)
        };
        number(&self.b).saturating_sub(number(&self.a))
    }

    /// Whether it is known what makes the difference: not where one side is unsupported.
    pub fn is_explained(&self) -> bool {
        !self.causes.is_empty()
    }
}

/// A side's verdict, as a word.
fn word(record: &Record) -> &'static str {
    record.verdict.word()
}

/// What a kernel says, in short.
fn short(record: &Record, rule: Option<Rule>) -> String {
    let (insns, states) = record.figures.as_ref().map_or((0, 0), |f| (f.insns, f.states));
    let figures = format!("{insns} insns, {states} states");
    match record.verdict {
        Verdict::Success => format!("accepted, {figures}"),
        Verdict::Unsupported | Verdict::GaveUp => {
            format!("{}: {}", record.verdict.word(), record.undecided().unwrap_or("?"))
        }
        Verdict::Failure => {
            let rule = rule.map(|rule| format!(" {}", rule.code())).unwrap_or_default();
            match insns {
                0 => format!("rejected{rule} {}", by_whom(record)),
                _ => format!("rejected{rule}, {figures}"),
            }
        }
    }
}

/// Figures beside instructions and states that differ.
fn other_changes(a: &Record, b: &Record) -> Vec<String> {
    let (Some(a), Some(b)) = (&a.figures, &b.figures) else {
        return Vec::new();
    };
    let numbers = [
        ("peak_states", a.peak_states, b.peak_states),
        (
            "max_states_per_insn",
            a.max_states_per_insn,
            b.max_states_per_insn,
        ),
        ("prog_size", a.prog_size, b.prog_size),
    ];
    let changed = numbers.iter().filter(|(_, a, b)| a != b);
    let mut all: Vec<_> = changed.map(|(name, a, b)| format!("{name} {a} -> {b}")).collect();
    if a.stack_depth != b.stack_depth {
        all.push(format!("stack {} -> {}", a.stack_depth, b.stack_depth));
    }
    all
}

/// Writes the differences, `names` being those of the kernels, and `notes` what has to be known of them.
///
/// # Errors
/// Those of the writer.
pub fn write_why(
    out: &mut dyn Write,
    (names, notes): ((&str, &str), &[String]),
    differences: &[Found],
    (format, look): (Format, Look),
) -> io::Result<()> {
    match format.layout() {
        Err(form) => {
            let head = DocumentHead {
                command: "compare",
                kernels: &[names.0, names.1],
                notes,
                ..DocumentHead::default()
            };
            let records = differences.iter().map(|found| Line::of(names, found));
            write_json(out, form, &head, records, None::<()>)
        }
        Ok(Layout::Table) => {
            for found in differences {
                write_one(out, &found.difference, look)?;
            }
            write_summary(out, names, differences)
        }
        Ok(layout) => sheet(differences).write(out, layout),
    }
}

fn write_one(out: &mut dyn Write, difference: &Difference, look: Look) -> io::Result<()> {
    let (a, b) = (&difference.a, &difference.b);
    let program = a.program.as_deref().or(b.program.as_deref()).unwrap_or_default();
    let [rule_a, rule_b] = difference.rules;
    write!(
        out,
        "{}: {} -> {}",
        look.paint(Part::Heading, format!("{} {program}", a.object)),
        short(a, rule_a),
        short(b, rule_b)
    )?;
    match other_changes(a, b).as_slice() {
        [] => writeln!(out)?,
        changes => writeln!(out, " ({})", changes.join(", "))?,
    }
    for cause in &difference.causes {
        let (insns, states) = (cause.insns, cause.states);
        write!(out, "    {}: {insns:+} insns, {states:+} states", cause.element)?;
        match (&difference.need, cause.element) {
            (Some(need), Element::Tables | Element::Types) => writeln!(out, ": {need}")?,
            _ => writeln!(out)?,
        }
    }
    Ok(())
}

/// A difference, and where its object lies.
#[derive(Clone, Debug)]
pub struct Found {
    /// As it was named.
    pub path: String,
    /// The difference.
    pub difference: Difference,
}

/// What an element adds to all programs for which it is a cause.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    /// The element.
    pub element: Element,
    /// How many programs those are.
    pub programs: usize,
    /// Processed instructions.
    pub insns: i64,
    /// States.
    pub states: i64,
}

/// What each element adds up to over all programs, those with most programs first.
pub fn totals<'d>(differences: impl IntoIterator<Item = &'d Difference>) -> Vec<Total> {
    let mut all: BTreeMap<&str, Total> = BTreeMap::new();
    for cause in differences.into_iter().flat_map(|difference| &difference.causes) {
        let total = all.entry(cause.element.name()).or_insert(Total {
            element: cause.element,
            programs: 0,
            insns: 0,
            states: 0,
        });
        total.programs += 1;
        total.insns = total.insns.saturating_add(cause.insns);
        total.states = total.states.saturating_add(cause.states);
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_key(|total| std::cmp::Reverse(total.programs));
    all
}

/// Writes what the causes add up to over all programs.
fn write_summary(out: &mut dyn Write, (a, b): (&str, &str), found: &[Found]) -> io::Result<()> {
    let differences: Vec<_> = found.iter().map(|found| &found.difference).collect();
    let causes = totals(differences.iter().copied());
    if !causes.is_empty() {
        writeln!(out)?;
    }
    for total in causes {
        let Total {
            element,
            programs,
            insns,
            states,
        } = total;
        let noun = if programs == 1 { "program" } else { "programs" };
        writeln!(
            out,
            "{element}: {programs} {noun}, {insns:+} insns, {states:+} states"
        )?;
        if let Element::Switch(switch, ..) = element {
            writeln!(out, "    {}", switch.upstream)?;
        }
    }
    let explained = differences
        .iter()
        .filter(|difference| difference.is_explained())
        .count();
    let noun = if differences.len() == 1 {
        "program differs"
    } else {
        "programs differ"
    };
    write!(
        out,
        "{} {noun} between {a} and {b}, {explained} explained",
        differences.len()
    )?;
    match differences.len() - explained {
        0 => writeln!(out),
        open => writeln!(out, ", {open} without an answer on one side"),
    }
}

fn sheet(differences: &[Found]) -> Sheet {
    let text = |name: &str| Head {
        title: "",
        suffix: "",
        name: name.to_owned(),
        left: true,
        left_cells: true,
    };
    let number = |name: &str| Head {
        left_cells: false,
        ..text(name)
    };
    let rows: Vec<_> = differences.iter().map(|found| cells(&found.difference)).collect();
    Sheet {
        heads: vec![
            text("file_name"),
            text("prog_name"),
            text("verdict_a"),
            text("verdict_b"),
            number("total_insns_diff"),
            number("total_states_diff"),
            text("causes"),
            text("needs"),
        ],
        shown: rows.len(),
        rows,
        closing: None,
    }
}

fn cells(difference: &Difference) -> Vec<Cell> {
    let causes: Vec<_> = difference
        .causes
        .iter()
        .map(|cause| format!("{}: {:+}", cause.element, cause.insns))
        .collect();
    let (a, b) = (&difference.a, &difference.b);
    let program = a.program.clone().or_else(|| b.program.clone());
    vec![
        Cell::Text(a.object.clone()),
        Cell::Text(program.unwrap_or_default()),
        Cell::Text(word(a).to_owned()),
        Cell::Text(word(b).to_owned()),
        Cell::Number(difference.change(|figures| figures.insns)),
        Cell::Number(difference.change(|figures| figures.states)),
        Cell::Text(causes.join("; ")),
        Cell::Text(difference.need.as_ref().map(Need::to_string).unwrap_or_default()),
    ]
}

/// A difference as a line of JSON.
#[derive(Serialize)]
struct Line<'d> {
    path: &'d str,
    object: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'d str>,
    a: Said<'d>,
    b: Said<'d>,
    causes: Vec<CauseLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<&'d Need>,
    runs: usize,
    contradictions: usize,
}

#[derive(Serialize)]
struct CauseLine {
    cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<&'static str>,
    insns: i64,
    states: i64,
}

impl<'d> Line<'d> {
    fn of((a, b): (&'d str, &'d str), found: &'d Found) -> Line<'d> {
        let Found { path, difference } = found;
        let [rule_a, rule_b] = difference.rules;
        let program = difference
            .a
            .program
            .as_deref()
            .or(difference.b.program.as_deref());
        Line {
            path,
            object: &difference.a.object,
            program,
            a: Said::of(path, a, &difference.a, rule_a),
            b: Said::of(path, b, &difference.b, rule_b),
            causes: difference.causes.iter().map(CauseLine::of).collect(),
            need: difference.need.as_ref(),
            runs: difference.runs,
            contradictions: difference.contradictions,
        }
    }
}

impl CauseLine {
    fn of(cause: &Cause) -> CauseLine {
        let (from, to, upstream) = match cause.element {
            Element::Switch(switch, from, to) => (Some(from), Some(to), Some(switch.upstream)),
            _ => (None, None, None),
        };
        CauseLine {
            cause: cause.element.name(),
            from,
            to,
            upstream,
            insns: cause.insns,
            states: cause.states,
        }
    }
}
