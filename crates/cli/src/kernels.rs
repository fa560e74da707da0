//! `verdict kernels` and `verdict switches`.

use std::io::{self, Write};

use verdict::KernelChoice;
use verdict::kernel::semantics::{Evidence, Provenance, Switch};
use verdict::kernel::{Basis, KNOWN, Kernel, Known, SWITCHES};
use verdict_report::forms::{KernelEntry, write_kernels, write_settings};
use verdict_report::{Described, Look, Part, write_switches};

use crate::Done;
use crate::args::{KernelsArgs, SwitchesArgs};

/// Lists the known kernels, or describes those that are named.
pub(crate) fn list(args: &KernelsArgs, out: &mut dyn Write) -> Done {
    let look = args.print.color.look();
    let chosen = args.kernel.chosen()?;
    let kernels: Vec<_> = chosen
        .iter()
        .flatten()
        .map(KernelChoice::open)
        .collect::<Result<_, _>>()?;
    if let Some(described) = kernels.first().and_then(Described::of) {
        match args.print.output.json() {
            Some(form) => described.write_json(out, form)?,
            None => write_directory(out, &described, look)?,
        }
        return Ok(0);
    }
    let wanted = |known: &Known| chosen.is_none() || kernels.iter().any(|kernel| kernel.name == known.name);
    let known = KNOWN.iter().enumerate().filter(|(_, known)| wanted(known));
    if let Some(form) = args.print.output.json() {
        let entries: Result<Vec<_>, _> = known.map(|(i, known)| KernelEntry::of(known, i == 0)).collect();
        write_kernels(out, form, &entries.map_err(|e| e.to_string())?)?;
        return Ok(0);
    }
    for (i, known) in known {
        let default = if i == 0 { " (default)" } else { "" };
        let name = look.paint(Part::Heading, known.name);
        writeln!(out, "{name}{default}: {}", known.doc)?;
        if !known.aliases.is_empty() {
            writeln!(out, "    also called {}", known.aliases.join(", "))?;
        }
        let evidence = known.evidence().map_err(|e| e.to_string())?;
        write_evidence(out, known.missing, &evidence)?;
    }
    Ok(0)
}

/// Describes a directory's kernel.
fn write_directory(out: &mut dyn Write, described: &Described<'_>, look: Look) -> io::Result<()> {
    described.write(out, look)?;
    match described.evidence() {
        Some(evidence) => write_evidence(out, &described.missing(), evidence),
        None => Ok(()),
    }
}

/// Writes how many switches are known how, and names those that are only assumed, and what is not modelled.
pub(crate) fn write_evidence(out: &mut dyn Write, missing: &[&str], evidence: &Evidence) -> io::Result<()> {
    let count = |wanted: fn(&Provenance) -> bool| evidence.iter().filter(|(_, how)| wanted(how)).count();
    let unknown = match count(|how| matches!(how, Provenance::Unknown(_))) {
        0 => String::new(),
        unknown => format!(", {unknown} not known"),
    };
    writeln!(
        out,
        "    {} switches: {} read in source, {} seen by probe, {} assumed{unknown}",
        SWITCHES.len(),
        count(|how| matches!(how, Provenance::Source(_))),
        count(|how| matches!(how, Provenance::Probed(_))),
        count(|how| matches!(how, Provenance::Assumed(_))),
    )?;
    let unsure = |how: &Provenance| matches!(how, Provenance::Assumed(_) | Provenance::Unknown(_));
    for (switch, how) in evidence.iter().filter(|(_, how)| unsure(how)) {
        writeln!(out, "        {}: {how}", switch.name)?;
    }
    for gap in missing {
        writeln!(out, "    missing: {gap}")?;
    }
    Ok(())
}

/// Lists the switches with the kernels' settings.
pub(crate) fn switches(args: &SwitchesArgs, out: &mut dyn Write) -> Done {
    let kernels: Vec<_> = args
        .kernel
        .choices()?
        .iter()
        .map(KernelChoice::open)
        .collect::<Result<_, _>>()?;
    for kernel in &kernels {
        if kernel.unknown_rules().is_some() {
            return Err(kernel.caveat().unwrap_or_default().into());
        }
        crate::caveats::say(kernel);
    }
    if let Some(form) = args.print.output.json() {
        write_settings(out, form, &kernels)?;
        return Ok(0);
    }
    if let [kernel] = kernels.as_slice() {
        describe(kernel, args.print.color.look(), out)?;
        return Ok(0);
    }
    let columns: Vec<_> = kernels
        .iter()
        .map(|kernel| (kernel.name.as_str(), kernel.semantics))
        .collect();
    write_switches(out, &columns)?;
    Ok(0)
}

/// Says everything of each switch, family by family.
fn describe(kernel: &Kernel, look: Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", look.paint(Part::Heading, &kernel.name))?;
    if let Some(assumed) = kernel.assumed_rules() {
        writeln!(out, "{assumed}")?;
    }
    let mut family = "";
    for switch in SWITCHES {
        if switch.family != family {
            family = switch.family;
            let heading = format!("[{family}]");
            writeln!(out, "\n{}", look.paint(Part::Heading, heading))?;
        }
        describe_switch(kernel, switch, look, out)?;
    }
    Ok(())
}

fn describe_switch(kernel: &Kernel, switch: &Switch, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let setting = kernel.semantics.get(switch.name).unwrap_or("?");
    writeln!(out, "\n{} = {setting}", look.paint(Part::Secondary, switch.name))?;
    writeln!(out, "    {}", switch.doc.trim())?;
    for value in switch.values {
        writeln!(out, "    {}: {}", value.name, value.doc.trim())?;
    }
    for needed in switch.prerequisites {
        writeln!(
            out,
            "    {} only where {} is {}",
            needed.value, needed.needs, needed.to_be
        )?;
    }
    writeln!(out, "    upstream: {}", switch.upstream)?;
    writeln!(out, "    told apart by corpus/{}.bpf.c", switch.corpus)?;
    if let Some(evidence) = kernel.evidence.get(switch.name) {
        let whose = match kernel.basis {
            Basis::Assumed => format!("the setting of {}", kernel.release),
            _ => "this kernel's own setting".to_owned(),
        };
        writeln!(out, "    {whose}, {evidence}")?;
    }
    Ok(())
}
