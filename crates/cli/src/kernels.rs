//! `verdict kernels` and `verdict switches`.

use std::io::Write;

use verdict::kernel::{KNOWN, SWITCHES};

use crate::Done;
use crate::args::KernelArgs;

/// Lists the known kernels.
pub(crate) fn list(out: &mut dyn Write) -> Done {
    for (i, known) in KNOWN.iter().enumerate() {
        let default = if i == 0 { " (default)" } else { "" };
        writeln!(out, "{}{default}: {}", known.name, known.doc)?;
        if !known.aliases.is_empty() {
            writeln!(out, "    also called {}", known.aliases.join(", "))?;
        }
    }
    Ok(0)
}

/// Lists the switches with the kernel's settings.
pub(crate) fn switches(kernel: &KernelArgs, out: &mut dyn Write) -> Done {
    let kernel = kernel.choice().open()?;
    writeln!(out, "{}", kernel.name)?;
    for switch in SWITCHES {
        let setting = kernel.semantics.get(switch.name).unwrap_or("?");
        writeln!(out, "\n{} = {setting}", switch.name)?;
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
            writeln!(out, "    this kernel's own setting, {evidence}")?;
        }
    }
    Ok(0)
}
