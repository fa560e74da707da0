//! `verdict gate`: programs against the budgets in a checked-in file, for CI.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use verdict_report::forms::write_table;
use verdict_report::{Breach, Budgets, Look, Part, Row, read_rows};

use crate::args::{GateArgs, KernelArgs};
use crate::run::forget_empty;
use crate::stat::Gathered;
use crate::{Done, UNUSABLE, step_summary, unless_nothing};

/// Exit code for a program that exceeds its budget.
pub(crate) const EXCEEDED: u8 = 2;
/// Exit code for a program of which nothing can be said.
const UNSUPPORTED: u8 = 3;

pub(crate) fn run(kernel: &KernelArgs, args: &GateArgs, look: Look, out: &mut dyn Write) -> Done {
    let shown = args.budget.display();
    let text = fs::read_to_string(&args.budget).map_err(|e| format!("{shown}: {e}"))?;
    let budgets = Budgets::parse(&text).map_err(|e| format!("{shown}: {e}"))?;
    let inputs = match args.inputs.as_slice() {
        [] => objects_of(&budgets, &args.budget),
        inputs => inputs.to_vec(),
    };
    let mut given = inputs.clone();
    forget_empty(&mut given, args.allow_empty);
    let inputs = match given.is_empty() && !inputs.is_empty() {
        true => return Ok(0),
        false => given,
    };
    if inputs.is_empty() {
        return Err(format!("{shown}: no objects: expected some here or on the command line").into());
    }
    let (rows, mut code) = figures(kernel, args, inputs)?;
    let judged: Vec<_> = rows.iter().map(|row| (row, budgets.judge(row))).collect();
    let kernels: BTreeSet<_> = rows.iter().map(|row| row.kernel.as_str()).collect();
    let judged = Judged {
        rows: judged,
        several: kernels.len() > 1,
    };
    write_text(out, &judged, look)?;
    for entry in budgets.unused(&rows) {
        out.flush()?;
        eprintln!("verdict: {shown}: budget of '{entry}': names no program");
        code = UNUSABLE;
    }
    step_summary::append(|page| write_markdown(page, &judged))?;
    out.flush()?;
    let held = rows.iter().filter(|row| budgets.concern(row)).count();
    let breaches = || judged.rows.iter().flat_map(|(_, breaches)| breaches);
    let code = if code != 0 {
        code
    } else if breaches().any(|breach| *breach != Breach::Unsupported) {
        EXCEEDED
    } else if breaches().next().is_some() {
        UNSUPPORTED
    } else {
        0
    };
    Ok(unless_nothing(
        code,
        held,
        args.allow_empty,
        "no program has a budget",
    ))
}

/// The objects that the file names, seen from its directory.
fn objects_of(budgets: &Budgets, file: &Path) -> Vec<PathBuf> {
    let dir = file.parent().unwrap_or(Path::new(""));
    budgets.objects.iter().map(|object| dir.join(object)).collect()
}

/// The figures of recorded runs and of objects.
fn figures(
    kernel: &KernelArgs,
    args: &GateArgs,
    inputs: Vec<PathBuf>,
) -> Result<(Vec<Row>, u8), crate::Trouble> {
    let is_recorded = |path: &PathBuf| path.extension().is_some_and(|end| end == "csv" || end == "jsonl");
    let (recorded, objects): (Vec<_>, Vec<_>) = inputs.into_iter().partition(is_recorded);
    let mut rows = Vec::new();
    for path in recorded {
        let shown = path.display();
        let text = fs::read_to_string(&path).map_err(|e| format!("{shown}: {e}"))?;
        rows.extend(read_rows(&text).map_err(|e| format!("{shown}: {e}"))?.1);
    }
    let mut code = 0;
    if !objects.is_empty() {
        let verifiers = kernel.verifiers(args.test.options(), &args.globals.read()?)?;
        let each: Vec<_> = verifiers.iter().collect();
        for (gathered, verifier) in Gathered::of_each(&each, &objects).iter().zip(&verifiers) {
            code = code.max(gathered.exit_code());
            rows.extend(gathered.rows().into_iter().map(|row| Row {
                kernel: verifier.kernel().name.clone(),
                ..row
            }));
        }
    }
    // The kernels keep their order.
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    Ok((rows, code))
}

/// Rows and what is wrong with them.
struct Judged<'r> {
    rows: Vec<(&'r Row, Vec<Breach>)>,
    /// Whether they are of several kernels.
    several: bool,
}

impl Judged<'_> {
    /// The kernel's name, where it tells rows apart.
    fn on(&self, row: &Row) -> String {
        match self.several && !row.kernel.is_empty() {
            true => format!(" on {}", row.kernel),
            false => String::new(),
        }
    }
}

fn write_text(out: &mut dyn Write, judged: &Judged<'_>, look: Look) -> io::Result<()> {
    for (row, breaches) in &judged.rows {
        for breach in breaches {
            let part = match breach {
                Breach::Unsupported => Part::Warning,
                _ => Part::Error,
            };
            let breach = look.paint(part, breach);
            writeln!(out, "{} {}{}: {breach}", row.file, row.program, judged.on(row))?;
        }
    }
    writeln!(out, "{}", counts(judged))
}

fn write_markdown(page: &mut dyn Write, judged: &Judged<'_>) -> io::Result<()> {
    writeln!(page, "## verdict gate\n\n{}\n", counts(judged))?;
    if judged.rows.iter().all(|(_, breaches)| breaches.is_empty()) {
        return Ok(());
    }
    let heads = ["File", "Program", ""].map(ToOwned::to_owned);
    let lines = judged.rows.iter().flat_map(|(row, breaches)| {
        let program = format!("{}{}", row.program, judged.on(row));
        let line = move |breach: &Breach| vec![row.file.clone(), program.clone(), breach.to_string()];
        breaches.iter().map(line)
    });
    write_table(page, &heads, lines)
}

fn counts(judged: &Judged<'_>) -> String {
    let total = judged.rows.len();
    let within = judged
        .rows
        .iter()
        .filter(|(_, breaches)| breaches.is_empty())
        .count();
    let noun = if total == 1 { "program" } else { "programs" };
    format!("{total} {noun}: {within} within budget, {} not", total - within)
}
