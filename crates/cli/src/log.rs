//! `verdict log`.

use std::io::Write;

use verdict::{Explaining, Libbpf, LogEnd, LogOptions, NotLoaded, shown_path};

use crate::args::LogArgs;
use crate::html;
use crate::inputs::only;
use crate::run::{guarded, open};
use crate::{Done, UNDECIDED};

pub(crate) fn run(args: &LogArgs, out: &mut dyn Write) -> Done {
    let verifier = args.verify.verifier()?.explaining(match args.print.html {
        Some(_) => Explaining::TRIALS,
        None => Explaining::Off,
    });
    let input = only(&args.object)?;
    let object = open(&verifier, &input).map_err(|unusable| unusable.message)?;
    let programs: Vec<_> = object.programs().collect();
    let program = args.verify.programs.only(object.name(), &programs)?;
    if let Some(file) = &args.print.html {
        let unsupported = html::write_log(file, program, &verifier)?;
        return Ok(unsupported.map_or(0, |what| {
            eprintln!("verdict: {what}");
            UNDECIDED
        }));
    }
    let path = shown_path(&input.path);
    let options = LogOptions {
        level: args.level,
        size: args.log_size,
        normalize: args.print.normalize,
        libbpf: if args.print.libbpf {
            Libbpf::Prints(&path)
        } else {
            Libbpf::Absent
        },
        ..LogOptions::default()
    };
    let end = guarded(&path, || program.write_log(&options, out))??;
    out.flush()?;
    Ok(remark(&end, &options))
}

/// Says on standard error what the log does not; gives the exit code.
fn remark(end: &LogEnd, options: &LogOptions<'_>) -> u8 {
    if let (Some(size), Some(written)) = (options.size, end.written) {
        let lost = if options.level & 8 == 0 { "start" } else { "end" };
        match (written.true_size, written.truncated) {
            // Kernels that do not tell the size keep the start.
            (0, true) => {
                eprintln!("verdict: {size} bytes are too few for the log (ENOSPC): its end is missing")
            }
            (0, false) => {}
            (needed, true) => eprintln!(
                "verdict: the log needs {needed} bytes, {size} are too few (ENOSPC): its {lost} is missing"
            ),
            (needed, false) => eprintln!("verdict: the log needs {needed} bytes"),
        }
    }
    match &end.result {
        Ok(()) => 0,
        Err(NotLoaded::Unsupported(what)) => {
            eprintln!("verdict: unsupported: {what}");
            UNDECIDED
        }
        Err(NotLoaded::GaveUp(what)) => {
            eprintln!("verdict: gave up: {}: the log breaks off", what.name());
            UNDECIDED
        }
        Err(NotLoaded::Kernel(errno)) => {
            if end.written.is_none() && options.libbpf == Libbpf::Absent {
                eprintln!("verdict: no log: the kernel refuses before its verifier is asked ({errno})");
            }
            0
        }
        Err(NotLoaded::Libbpf(errno, messages)) => {
            if options.libbpf == Libbpf::Absent {
                eprintln!("verdict: the loader refuses the program ({errno})");
                messages.iter().for_each(|message| eprintln!("{message}"));
            }
            0
        }
        Err(other) => {
            eprintln!("verdict: {other}");
            UNDECIDED
        }
    }
}
