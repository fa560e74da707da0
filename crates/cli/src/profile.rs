//! `verdict profile`.

use std::fs::File;
use std::io::{BufWriter, Write};

use verdict::shown_path;
use verdict_report::forms::Json;
use verdict_report::profile::{
    Figure, Whose, write_flame_graph, write_folded, write_profile, write_profile_json,
};
use verdict_report::{Record, Stage, Verdict};

use crate::args::{ProfileArgs, ProfileFigure, ProfileOutput};
use crate::inputs::only;
use crate::run::{guarded, open};
use crate::{Done, caveats};

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

pub(crate) fn run(args: &ProfileArgs, out: &mut dyn Write) -> Done {
    let verifier = args.verify.verifier()?;
    let input = only(&args.object)?;
    let object = open(&verifier, &input).map_err(|unusable| unusable.message)?;
    let programs: Vec<_> = object.programs().collect();
    let program = args.verify.programs.only(object.name(), &programs)?;
    let name = format!("{program:?}");
    let profiled = guarded(&name, || program.profile())?;
    let Some(profile) = profiled.profile else {
        return Err(format!("{name}: {}", not_verified(&profiled.record)).into());
    };
    let print = &args.print;
    let figure = print.by.into();
    if let Some(path) = &print.svg {
        let shown = shown_path(path);
        let file = File::create(path).map_err(|e| format!("{shown}: {e}"))?;
        let mut file = BufWriter::new(file);
        let written = write_flame_graph(&mut file, &profile, &name, figure);
        written
            .and_then(|()| file.flush())
            .map_err(|e| format!("{shown}: {e}"))?;
    }
    let top = match print.top {
        0 => usize::MAX,
        top => top,
    };
    let form = match print.output {
        ProfileOutput::Folded => {
            write_folded(out, &profile, figure)?;
            return Ok(0);
        }
        ProfileOutput::Text => {
            write_summary(out, &name, &profiled.record)?;
            write_profile(out, &profile, top)?;
            return Ok(0);
        }
        ProfileOutput::Json => Json::Document,
        ProfileOutput::Jsonl => Json::Lines,
    };
    let whose = Whose {
        path: &shown_path(&input.path),
        kernel: &verifier.kernel().name,
        notes: &caveats::of([&verifier]),
        record: &profiled.record,
    };
    write_profile_json(out, form, whose, &profile, top)?;
    Ok(0)
}

fn write_summary(out: &mut dyn Write, name: &str, record: &Record) -> std::io::Result<()> {
    let verdict = match record.verdict {
        Verdict::Success => "accepted",
        Verdict::Failure => "rejected",
        Verdict::Unsupported => "unsupported from here on",
        Verdict::GaveUp => "given up here",
    };
    let figures = record.figures.as_ref();
    let (insns, states) = figures.map_or((0, 0), |f| (f.insns, f.states));
    writeln!(out, "{name}: {verdict}, {insns} insns, {states} states")?;
    if let Some(assumed) = &record.assumed {
        writeln!(out, "{assumed}")?;
    }
    writeln!(out)
}

/// Why there is nothing to tell.
fn not_verified(record: &Record) -> String {
    let words = record.unsupported.as_deref().or(record.libbpf.as_deref());
    let first = words.and_then(|words| words.lines().next());
    match (record.stage, first) {
        (_, Some(first)) => format!("not verified: {first}"),
        (Stage::Open | Stage::Prepare, None) => "not verified: the loader refuses it".to_owned(),
        (Stage::Verify, None) => "refused by the kernel before it is verified".to_owned(),
    }
}
