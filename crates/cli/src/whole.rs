//! `verdict check --whole`: objects as their libraries load them, all programs together.

use std::io::Write;
use std::path::PathBuf;

use verdict::kernel::errno::Errno;
use verdict::report::Verdict;
use verdict::{Verifier, Whole};
use verdict_report::{CheckSummary, write_entry};

use crate::args::CheckArgs;
use crate::check::{NOTHING, entry};
use crate::run::{Unusable, expand, guarded, open_whole, side_by_side};
use crate::{Done, unless_nothing};

/// An object, and what became of it.
type Loaded = (String, Result<Whole, Unusable>);

pub(crate) fn run(verifier: &Verifier, args: &CheckArgs, out: &mut dyn Write) -> Done {
    let mut summary = CheckSummary::default();
    let (mut loaded, mut refused) = (0, 0);
    for (name, whole) in side_by_side(&expand(&args.objects), |path| load(verifier, path)) {
        let whole = match whole {
            Ok(whole) => whole,
            Err(unusable) => {
                summary.unusable += 1;
                out.flush()?; // so that the error stands where it belongs
                eprintln!("verdict: {}", unusable.message);
                continue;
            }
        };
        for answer in &whole.programs {
            summary.count(answer.record.verdict);
            let errno_name = Errno(answer.record.errno).to_string();
            write_entry(out, &entry(answer, &errno_name), args.verbose)?;
        }
        match &whole.refusal {
            None => loaded += 1,
            Some(answer) => {
                refused += 1;
                match &answer.record.program {
                    Some(program) => {
                        writeln!(out, "object       {name} does not load: it ends at {program}")?
                    }
                    None => {
                        summary.count(Verdict::Failure);
                        let errno_name = Errno(answer.record.errno).to_string();
                        write_entry(out, &entry(answer, &errno_name), args.verbose)?;
                    }
                }
            }
        }
    }
    writeln!(out, "{loaded} objects load whole, {refused} do not; {summary}")?;
    out.flush()?;
    Ok(unless_nothing(
        summary.exit_code(),
        loaded + refused,
        args.allow_empty,
        NOTHING,
    ))
}

fn load(verifier: &Verifier, path: &Result<PathBuf, (PathBuf, String)>) -> Loaded {
    let unusable = |message| Unusable {
        message,
        record: None,
        rule: None,
    };
    match path {
        Ok(path) => {
            let opened = open_whole(verifier, path);
            let name = opened
                .as_ref()
                .map_or_else(|_| path.display().to_string(), |o| o.name().to_owned());
            let whole = opened.and_then(|object| guarded(&name, || object.check_whole()).map_err(unusable));
            (name, whole)
        }
        Err((path, message)) => (path.display().to_string(), Err(unusable(message.clone()))),
    }
}
