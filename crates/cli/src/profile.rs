//! `verdict profile`.

use std::fs::File;
use std::io::{BufWriter, Write};

use verdict::{OpenObject, Program};
use verdict_report::profile::{Figure, write_flame_graph, write_folded, write_profile};
use verdict_report::{Record, Stage, Verdict};

use crate::Done;
use crate::args::{KernelArgs, ProfileArgs, ProfileFigure};
use crate::run::{guarded, open};

impl From<ProfileFigure> for Figure {
    fn from(figure: ProfileFigure) -> Figure {
        match figure {
            ProfileFigure::Insns => Figure::Insns,
            ProfileFigure::States => Figure::States,
            ProfileFigure::Hits => Figure::Hits,
            ProfileFigure::Misses => Figure::Misses,
        }
    }
}

pub(crate) fn run(kernel: &KernelArgs, args: &ProfileArgs, out: &mut dyn Write) -> Done {
    let verifier = kernel
        .verifier(args.test.options())?
        .with_globals(args.globals.read()?);
    let object = open(&verifier, &args.object).map_err(|unusable| unusable.message)?;
    let program = program(&object, args.program.as_deref())?;
    let name = format!("{program:?}");
    let profiled = guarded(&name, || program.profile())?;
    let Some(profile) = profiled.profile else {
        return Err(format!("{name}: {}", not_verified(&profiled.record)).into());
    };
    let figure = args.by.into();
    if let Some(path) = &args.svg {
        let shown = path.display();
        let file = File::create(path).map_err(|e| format!("{shown}: {e}"))?;
        let mut file = BufWriter::new(file);
        let written = write_flame_graph(&mut file, &profile, &name, figure);
        written
            .and_then(|()| file.flush())
            .map_err(|e| format!("{shown}: {e}"))?;
    }
    if args.folded {
        write_folded(out, &profile, figure)?;
    } else if args.svg.is_none() || args.top.is_some() {
        write_summary(out, &name, &profiled.record)?;
        let top = args.top.unwrap_or(DEFAULT_TOP);
        write_profile(out, &profile, if top == 0 { usize::MAX } else { top })?;
    }
    Ok(0)
}

/// Rows of each table.
const DEFAULT_TOP: usize = 10;

/// The program of that name; the only one, when none is named.
fn program<'o, 'v>(object: &'o OpenObject<'v>, wanted: Option<&str>) -> Result<Program<'o, 'v>, String> {
    let mut programs = object.programs();
    let found = match wanted {
        Some(wanted) => object.program(wanted),
        None => programs.next().filter(|_| programs.len() == 0),
    };
    found.ok_or_else(|| {
        let names: Vec<_> = object.programs().map(|program| program.name()).collect();
        let known = names.join(", ");
        match wanted {
            Some(wanted) => format!("{}: no program {wanted}: expected one of {known}", object.name()),
            None => format!("{}: choose a program: {known}", object.name()),
        }
    })
}

fn write_summary(out: &mut dyn Write, name: &str, record: &Record) -> std::io::Result<()> {
    let verdict = match record.verdict {
        Verdict::Success => "accepted",
        Verdict::Failure => "rejected",
        Verdict::Unsupported => "unsupported from here on",
    };
    let figures = record.figures.as_ref();
    let (insns, states) = figures.map_or((0, 0), |f| (f.insns, f.states));
    writeln!(out, "{name}: {verdict}, {insns} insns, {states} states\n")
}

/// Why there is nothing to tell.
fn not_verified(record: &Record) -> String {
    let words = record.unsupported.as_deref().or(record.libbpf.as_deref());
    let first = words.and_then(|words| words.lines().next());
    match (record.stage, first) {
        (_, Some(first)) => format!("not verified: {first}"),
        (Stage::Open | Stage::Prepare, None) => "not verified: the loader gives up".to_owned(),
        (Stage::Verify, None) => "refused by the kernel before it is verified".to_owned(),
    }
}
