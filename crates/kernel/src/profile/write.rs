//! Writing a profile's two files, as `read` reads them.

use std::fmt::Write as _;

use crate::semantics::{Provenance, SWITCHES};

use super::Kernel;

/// What a `release.toml` says beside a kernel's rules.
#[derive(Clone, Copy, Debug)]
pub struct Title<'t> {
    /// The kernel's full name.
    pub name: &'t str,
    /// What it is, in a line.
    pub doc: &'t str,
    /// What of it is not modelled, a line each.
    pub missing: &'t [String],
}

/// Text as TOML has it, in quotation marks.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c)); // a string takes all
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Kernel {
    /// The `release.toml` by which another directory states this kernel's tables, limits and machine.
    pub fn release_toml(&self, title: &Title<'_>) -> String {
        let Kernel { limits, machine, .. } = self;
        let (major, minor, patch) = self.version;
        let mut lines = vec![
            format!("name = {}", quoted(title.name)),
            format!("doc = {}", quoted(title.doc)),
            format!("version = [{major}, {minor}, {patch}]"),
        ];
        lines.extend(
            self.banner
                .as_ref()
                .map(|banner| format!("banner = {}", quoted(banner))),
        );
        lines.push(format!("tables = {}", quoted(self.tables.name)));
        if !title.missing.is_empty() {
            lines.push("missing = [".to_owned());
            lines.extend(title.missing.iter().map(|line| format!("    {},", quoted(line))));
            lines.push("]".to_owned());
        }
        if !self.prototypes.is_empty() {
            lines.push("\n[prototypes]".to_owned());
            let named = self.prototypes.iter();
            lines.extend(named.filter_map(|(id, tables)| {
                let name = crate::helper::helper_name(*id)?;
                Some(format!("{name} = {}", quoted(tables.name)))
            }));
        }
        for unsure in self.unsure.iter() {
            lines.push("\n[[unsure]]".to_owned());
            lines.push(format!("prog-type = {}", unsure.prog_type));
            if unsure.all {
                lines.push("all = true".to_owned());
            }
            if !unsure.helpers.is_empty() {
                lines.push(format!("helpers = {:?}", unsure.helpers));
            }
            for (name, names) in [("kfuncs", &unsure.kfuncs), ("targets", &unsure.targets)] {
                let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
                if !names.is_empty() {
                    lines.push(format!("{name} = [{}]", names.join(", ")));
                }
            }
            for (name, accesses) in [("reads", &unsure.reads), ("writes", &unsure.writes)] {
                let accesses: Vec<_> = accesses
                    .iter()
                    .map(|(off, size)| format!("[{off}, {size}]"))
                    .collect();
                if !accesses.is_empty() {
                    lines.push(format!("{name} = [{}]", accesses.join(", ")));
                }
            }
        }
        lines.push("\n[limits]".to_owned());
        let numbers = [
            ("processed-insns", limits.processed_insns),
            ("jmp-seq", limits.jmp_seq),
            ("program-insns", limits.program_insns),
            ("stack", limits.stack),
            ("subprogs", limits.subprogs),
            ("used-maps", limits.used_maps),
            ("kfuncs", limits.kfuncs),
            ("tail-call-stack", limits.tail_call_stack),
            ("linked-regs", limits.linked_regs),
        ];
        lines.extend(numbers.iter().map(|(name, number)| format!("{name} = {number}")));
        lines.push("\n[machine]".to_owned());
        lines.push(format!("nr-cpus = {}", machine.nr_cpus));
        lines.push(format!("mitigations = {}", machine.mitigations));
        lines.push(format!("page-size = {}", machine.page_size));
        lines.push("\n[machine.jit]".to_owned());
        let jit = [
            ("enabled", machine.jit.enabled),
            ("percpu-insn", machine.jit.percpu_insn),
            ("kfunc-calls", machine.jit.kfunc_calls),
            ("arena", machine.jit.arena),
            ("arena-sign-extension", machine.jit.arena_sign_extension),
        ];
        lines.extend(jit.iter().map(|(name, is)| format!("{name} = {is}")));
        lines.join("\n") + "\n"
    }

    /// The `semantics.toml` by which another directory states this kernel's switches. What the user has chosen is written as
    /// assumed.
    pub fn semantics_toml(&self) -> String {
        let mut out = String::new();
        let mut family = "";
        for switch in SWITCHES {
            if switch.family != family {
                let gap = if family.is_empty() { "" } else { "\n" };
                family = switch.family;
                let _ = writeln!(out, "{gap}[{family}]"); // a string takes all
            }
            let (how, note) = match self.evidence.get(switch.name) {
                Some(Provenance::Source(note)) => ("source", note.as_ref()),
                Some(Provenance::Probed(note)) => ("probed", note.as_ref()),
                Some(Provenance::Assumed(note)) => ("assumed", note.as_ref()),
                Some(Provenance::Unknown(note)) => ("unknown", note.as_ref()),
                Some(Provenance::Chosen) | None => ("assumed", "chosen by the user"),
            };
            let is = self.semantics.get(switch.name).unwrap_or_default();
            let (is, note) = (quoted(is), quoted(note));
            let _ = writeln!(out, "{} = {{ is = {is}, {how} = {note} }}", switch.name);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{prototypes, read};
    use super::*;
    use crate::semantics::Semantics;
    use crate::tables::Tables;
    use crate::{KNOWN, Unsure};

    /// What is written of a known kernel reads as that kernel.
    #[test]
    fn what_is_written_is_read_as_it_was() {
        let missing = vec!["a \"line\"\nof two".to_owned()];
        let unsure = Unsure {
            prog_type: 6,
            all: true,
            helpers: vec![1, 2],
            kfuncs: vec!["f".to_owned()],
            targets: vec!["g".to_owned(), "h".to_owned()],
            reads: vec![(4, 8)],
            writes: vec![(0, 1), (-8, 4)],
        };
        for known in KNOWN {
            let mut kernel = Kernel::open(known.name).unwrap();
            kernel.unsure = [unsure.clone(), Unsure::default()].into();
            kernel.prototypes =
                Arc::new([(69, Tables::named("6.18.15").unwrap()), (1, kernel.tables)].into());
            let title = Title {
                name: known.name,
                doc: "a \\ and a \u{1}",
                missing: &missing,
            };
            let release = read::release(kernel.release_toml(&title).as_bytes()).unwrap();
            assert_eq!(release.name, known.name);
            assert_eq!(release.doc, title.doc);
            assert_eq!(release.missing, missing);
            assert_eq!(release.version, kernel.version);
            assert_eq!(release.unsure.as_slice(), &*kernel.unsure);
            let prototypes = prototypes(&release.prototypes).unwrap();
            assert!(prototypes.iter().eq(kernel.prototypes.iter()));
            assert_eq!(release.limits, kernel.limits);
            assert_eq!(release.machine, kernel.machine);
            assert_eq!(release.banner.as_deref(), kernel.banner.as_deref());
            let rows = read::semantics(kernel.semantics_toml().as_bytes()).unwrap();
            let (semantics, evidence) = Semantics::read(&rows).unwrap();
            assert_eq!(semantics, kernel.semantics);
            assert_eq!(evidence, kernel.evidence);
        }
    }
}
