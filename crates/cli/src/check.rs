//! `verdict check`.

use std::io::Write;

use verdict::kernel::errno::Errno;
use verdict_report::{CheckEntry, CheckSummary, write_entry};

use crate::Done;
use crate::args::{CheckArgs, KernelArgs};
use crate::run::verify_all;

pub(crate) fn run(kernel: &KernelArgs, args: &CheckArgs, out: &mut dyn Write) -> Done {
    let verifier = kernel
        .verifier(args.test.options())?
        .with_globals(args.globals.read()?);
    let mut summary = CheckSummary::default();
    let mut rules = Vec::new();
    for object in verify_all(&verifier, &args.objects) {
        let programs = match object.programs {
            Ok(programs) => programs,
            Err(unusable) => {
                summary.unusable += 1;
                out.flush()?; // so that the error stands where it belongs
                eprintln!("verdict: {}", unusable.message);
                if let Some(rule) = unusable.rule {
                    eprintln!("    rule {rule}: {}", rule.sentence());
                    rules.push(rule);
                }
                continue;
            }
        };
        for answer in programs {
            match answer {
                Ok(answer) => {
                    summary.count(answer.record.verdict);
                    let errno_name = Errno(answer.record.errno).to_string();
                    let place = answer.place.as_ref();
                    let entry = CheckEntry {
                        record: &answer.record,
                        errno_name: &errno_name,
                        place,
                        refusal: answer.refusal.as_ref(),
                    };
                    write_entry(out, &entry, args.verbose)?;
                    rules.extend(entry.refusal.map(|refusal| refusal.rule));
                }
                Err(message) => {
                    summary.unusable += 1;
                    out.flush()?;
                    eprintln!("verdict: {message}");
                }
            }
        }
    }
    if let Some(rule) = rules.first() {
        writeln!(out, "more about a rule: verdict explain {}", rule.code())?;
    }
    writeln!(out, "{summary}")?;
    Ok(summary.exit_code())
}
