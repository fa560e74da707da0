//! `verdict kernel capture`.

use std::io::Write;
use std::path::Path;

use verdict::kernel::{Basis, Jit, Kernel, Machine};
use verdict_capture::{Asked, Files, Found, Settled, ask, find, read_capture, write_rules, write_settled};

use crate::Done;
use crate::args::CaptureArgs;
use crate::kernels::write_evidence;

/// Captures the running kernel into a directory, or settles anew what one holds.
pub(crate) fn run(args: &CaptureArgs, out: &mut dyn Write) -> Done {
    let found = if args.again {
        again(&args.dir)?
    } else {
        capture(&args.dir, args.verbose)?
    };
    say(&found, out)?;
    Ok(0)
}

fn capture(dir: &Path, verbose: bool) -> Result<Found, String> {
    let files = Files::of_machine(Path::new("/")).map_err(|e| e.to_string())?;
    eprintln!("verdict: asking Linux {}", files.release());
    let tell = |what: &str| {
        if verbose {
            eprintln!("verdict: asking about {what}");
        }
    };
    let asked = ask(&files, tell).map_err(|e| e.to_string())?;
    write_settled(dir, &files, &asked).map_err(|e| e.to_string())
}

fn settled(
    dir: &Path,
    files: &Files,
    site: impl Fn(Machine) -> Machine,
    asked: &Asked,
) -> Result<Found, String> {
    let found = find(files, site, asked).map_err(|e| e.to_string())?;
    write_rules(dir, files.release(), &found).map_err(|e| e.to_string())?;
    Ok(found)
}

fn again(dir: &Path) -> Result<Found, String> {
    let files = Files::of_dir(dir).map_err(|e| e.to_string())?;
    let asked = read_capture(dir).map_err(|e| e.to_string())?;
    // Where it was asked, the directory says, unless the search did not come to its end there.
    let there = Kernel::from_dir(dir, None)
        .ok()
        .filter(|kernel| kernel.basis == Basis::Own);
    let site = |known: Machine| match &there {
        Some(there) => Machine {
            nr_cpus: there.machine.nr_cpus,
            mitigations: there.machine.mitigations,
            jit: Jit {
                enabled: there.machine.jit.enabled,
                ..known.jit
            },
            ..known
        },
        None => known,
    };
    settled(dir, &files, site, &asked)
}

/// Says what was found out.
fn say(found: &Found, out: &mut dyn Write) -> std::io::Result<()> {
    let Settled {
        kernel,
        base,
        asked,
        counts,
        exact,
        unexplained,
    } = &found.settled;
    let tables = found.tables;
    writeln!(out, "{}: settings from {base}, tables of {tables}", kernel.name)?;
    writeln!(
        out,
        "    {asked} programs: verdict says the same of {counts}, with the same log of {exact}"
    )?;
    let missing: Vec<&str> = unexplained.iter().map(String::as_str).collect();
    write_evidence(out, &missing, &kernel.evidence)?;
    writeln!(out, "    {} facts are in no known table", found.unsure)?;
    if !found.denied.is_empty() {
        writeln!(
            out,
            "    programs that may not be loaded here: {}",
            found.denied.join(", ")
        )?;
    }
    Ok(())
}
