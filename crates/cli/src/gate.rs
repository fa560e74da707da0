//! `verdict gate`: programs against the budgets in a checked-in file, for CI.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{self, Path, PathBuf};

use verdict::shown_path;
use verdict_report::{Breach, Budgets, Gate, Look, Row, read_rows, update_budgets};

use crate::args::GateArgs;
use crate::inputs::{forget_empty, is_recorded, read_text};
use crate::run::note_once;
use crate::stat::Gathered;
use crate::{Done, UNDECIDED, UNUSABLE, caveats, interrupt, run, step_summary, unless_nothing};

/// Exit code for a program that exceeds its budget.
pub(crate) const EXCEEDED: u8 = 2;

pub(crate) fn run(args: &GateArgs, out: &mut dyn Write) -> Done {
    run::set_jobs(args.jobs.jobs);
    let shown = shown_path(&args.budget);
    let text = match fs::read_to_string(&args.budget) {
        Err(error) if error.kind() == ErrorKind::NotFound && args.update => String::new(),
        text => text.map_err(|e| format!("{shown}: {e}"))?,
    };
    let parse = |text: &str| Budgets::parse(text).map_err(|e| format!("{shown}: {e}"));
    let mut budgets = parse(&text)?;
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
    let (rows, caveats, code) = figures(args, inputs)?;
    if args.update && !interrupt::asked() {
        let text = update_budgets(&text, &rows, args.margin, &objects_for(args))
            .map_err(|e| format!("{shown}: {e}"))?;
        fs::write(&args.budget, &text).map_err(|e| format!("{shown}: {e}"))?;
        budgets = parse(&text)?;
    }
    let gate = Gate::of(&budgets, &rows, &caveats);
    let look = Look {
        verbose: args.print.verbose,
        ..args.print.text.color.look()
    };
    match args.print.text.output.json() {
        Some(form) => gate.write_json(out, form)?,
        None => gate.write(out, look)?,
    }
    step_summary::append(|page| gate.write_markdown(page))?;
    out.flush()?;
    let held = rows.iter().filter(|row| budgets.concern(row)).count();
    let code = match complain(args, &gate) {
        true => UNUSABLE,
        false => code,
    };
    let code = if code != 0 { code } else { code_of(&gate) };
    Ok(unless_nothing(
        code,
        held,
        args.allow_empty,
        "no program has a budget",
    ))
}

/// Names the budgets that name no program; whether there are any. Where only some programs are looked at, others may have
/// them.
fn complain(args: &GateArgs, gate: &Gate<'_>) -> bool {
    if args.verify.programs.are_named() {
        return false;
    }
    for programs in gate.unused() {
        eprintln!(
            "verdict: {}: budget of '{programs}': names no program",
            shown_path(&args.budget)
        );
    }
    !gate.unused().is_empty()
}

fn code_of(gate: &Gate<'_>) -> u8 {
    if gate
        .breaches()
        .any(|breach| !matches!(breach, Breach::Unsupported | Breach::GaveUp))
    {
        EXCEEDED
    } else if gate.breaches().next().is_some() {
        UNDECIDED
    } else {
        0
    }
}

/// What a new file says of its objects: those of the command line, as they are seen from its directory.
fn objects_for(args: &GateArgs) -> Vec<String> {
    let dir = args.budget.parent().filter(|dir| *dir != Path::new(""));
    let inputs = args.inputs.iter().filter(|path| !is_recorded(path));
    let seen = |path: &PathBuf| match dir.map(|dir| path.strip_prefix(dir)) {
        None => path.clone(),
        Some(Ok(below)) => below.to_owned(),
        // From elsewhere it is only known by its whole path.
        Some(Err(_)) => path::absolute(path).unwrap_or_else(|_| path.clone()),
    };
    inputs.filter_map(|path| named(seen(path))).collect()
}

/// An object's path as a file of budgets can have it.
fn named(path: PathBuf) -> Option<String> {
    let named = path.into_os_string().into_string();
    let unnamed = |path: std::ffi::OsString| {
        let shown = shown_path(Path::new(&path));
        note_once(&format!(
            "{shown}: its name is not UTF-8, so that the budget file cannot list it: name it on the command line"
        ));
    };
    named.map_err(unnamed).ok()
}

/// The objects that the file names, seen from its directory.
fn objects_of(budgets: &Budgets, file: &Path) -> Vec<PathBuf> {
    let dir = file.parent().unwrap_or(Path::new(""));
    budgets.objects.iter().map(|object| dir.join(object)).collect()
}

/// The figures of recorded runs and of objects, and what has to be known of the kernels that were asked.
fn figures(args: &GateArgs, inputs: Vec<PathBuf>) -> Result<(Vec<Row>, Vec<String>, u8), String> {
    let (recorded, objects): (Vec<_>, Vec<_>) = inputs.into_iter().partition(|path| is_recorded(path));
    let mut rows = Vec::new();
    for path in recorded {
        let read = read_rows(&read_text(&path)?);
        let (_, read) = read.map_err(|e| format!("{}: {e}", shown_path(&path)))?;
        rows.extend(
            read.into_iter()
                .filter(|row| args.verify.programs.want(&row.file, &row.program)),
        );
    }
    let (mut code, mut caveats) = (0, Vec::new());
    if !objects.is_empty() {
        let verifiers = args.verify.verifiers()?;
        caveats = caveats::of(&verifiers);
        let each: Vec<_> = verifiers.iter().collect();
        for gathered in Gathered::of_each(&each, &objects, &args.verify.programs)? {
            code = code.max(gathered.exit_code());
            rows.extend(gathered.rows());
        }
    }
    // The kernels keep their order.
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    Ok((rows, caveats, code))
}
