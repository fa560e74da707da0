//! The kernel of a directory: what it is, and where all that is known of it comes from.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Value, json};
use verdict_kernel::printable::shown_path;
use verdict_kernel::semantics::Evidence;
use verdict_kernel::{Basis, Directory, KNOWN, Kernel, Known};

use crate::forms::{DocumentHead, Json, assumed_switches, unknown_switches, ways, write_json};
use crate::{Look, Part};

/// A directory's kernel, and where its parts come from.
#[derive(Debug)]
pub struct Described<'k> {
    kernel: &'k Kernel,
    directory: &'k Directory,
    /// The profile that has what the directory does not state.
    profile: Option<&'static Known>,
    switches: String,
    /// Of tables, limits and machine.
    rest: String,
    version: String,
}

impl<'k> Described<'k> {
    /// The kernel, if it is a directory's.
    pub fn of(kernel: &'k Kernel) -> Option<Described<'k>> {
        let directory = kernel.directory.as_deref()?;
        let states = |file: &str| directory.files.iter().any(|known| known.stem() == file);
        let profile = directory.profile;
        let other = match (profile, kernel.basis) {
            (Some(profile), Basis::Own) => format!("{profile}, the profile of this release"),
            (Some(profile), _) => format!("{profile}, assumed"),
            (None, _) => "not known".to_owned(),
        };
        let whence = |file: &str| match states(file) {
            true => file.to_owned(),
            false => other.clone(),
        };
        let version = match &directory.release {
            _ if states("release.toml") => "release.toml".to_owned(),
            Some(release) => release.file.clone(),
            None => other.clone(),
        };
        Some(Described {
            kernel,
            directory,
            profile: KNOWN.iter().find(|known| profile == Some(known.name)),
            switches: whence("semantics.toml"),
            rest: whence("release.toml"),
            version,
        })
    }

    /// How its switches are known, where it has rules.
    pub fn evidence(&self) -> Option<&'k Evidence> {
        (self.kernel.basis != Basis::Unknown).then_some(&self.kernel.evidence)
    }

    /// What is not modelled: of the kernel as its directory states it, or of the profile that has what this does not state.
    pub fn missing(&self) -> Vec<&str> {
        let stated = self.directory.missing.iter().map(String::as_str);
        let others = self.profile.map_or(&[][..], |profile| profile.missing);
        stated.chain(others.iter().copied()).collect()
    }

    /// Writes it for people, but for how its switches are known.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write, look: Look) -> io::Result<()> {
        let name = look.paint(Part::Heading, &self.kernel.name);
        writeln!(out, "{name}: {}", self.path())?;
        self.write_release(out)?;
        let contents = self.contents();
        let mut contents = contents.iter();
        writeln!(out, "    files:")?;
        for file in &self.directory.files {
            let packed = file.packing.name();
            let packed = packed.map_or_else(String::new, |packer| format!(", unpacked by {packer}"));
            let has = contents.next().map_or_else(String::new, |has| format!("; {has}"));
            writeln!(out, "        {}: {} bytes{packed}{has}", file.name, file.bytes)?;
        }
        writeln!(out, "    version: {}", self.version)?;
        writeln!(out, "    switches: {}", self.switches)?;
        writeln!(out, "    tables, limits: {}", self.rest)?;
        match self.kernel.basis {
            Basis::Unknown => Ok(()),
            Basis::Own | Basis::Assumed => {
                let states = self.rest == "release.toml";
                writeln!(
                    out,
                    "    machine: {}; {}",
                    machine(self.kernel, states),
                    self.rest
                )
            }
        }
    }

    /// Writes of which release it is, and whose rules it is judged by if they are not that release's.
    fn write_release(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.directory.release {
            Some(release) => {
                let on = self.directory.architecture.as_deref();
                let on = on.map_or_else(String::new, |name| format!(" on {name}"));
                let (name, file) = (&release.name, &release.file);
                writeln!(out, "    release: Linux {name}{on}, as {file} says")?;
            }
            None => writeln!(out, "    release: unknown: no file says it")?,
        }
        if let Some(assumed) = self.kernel.assumed_rules() {
            writeln!(out, "    {assumed}")?;
        }
        if let Some(unknown) = self.kernel.unknown_rules() {
            let help = "every program is unsupported, unless --assume NAME says whose to follow";
            writeln!(out, "    {unknown}: {help}")?;
        }
        Ok(())
    }

    /// What is in each of the directory's first files: types, options and symbols.
    fn contents(&self) -> [String; 3] {
        let modules = match self.directory.module_symbols {
            0 => String::new(),
            count => format!(", {count} of them of modules"),
        };
        [
            format!("{} types", self.types()),
            format!("{} options", self.directory.options),
            format!("{} symbols{modules}", self.directory.symbols),
        ]
    }

    fn path(&self) -> Cow<'_, str> {
        shown_path(&self.directory.path)
    }

    /// How many types its BTF has; `void` is none of the file's.
    fn types(&self) -> usize {
        (self.kernel.btf.count() as usize).saturating_sub(1)
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json(&self, out: &mut dyn Write, form: Json) -> io::Result<()> {
        let head = DocumentHead {
            command: "kernels",
            ..DocumentHead::default()
        };
        write_json(out, form, &head, [self.record()], None::<()>)
    }

    fn record(&self) -> Value {
        let (kernel, directory) = (self.kernel, self.directory);
        let files = directory
            .files
            .iter()
            .map(|file| json!({ "name": file.name, "packing": file.packing.name(), "bytes": file.bytes }));
        let release = directory.release.as_ref().map(|release| {
            let (major, minor, patch) = release.version;
            let version = format!("{major}.{minor}.{patch}");
            json!({ "name": release.name, "version": version, "file": release.file })
        });
        let (basis, known) = match kernel.basis {
            Basis::Own => ("own", true),
            Basis::Assumed => ("assumed", true),
            Basis::Unknown => ("unknown", false),
        };
        let machine = || json!({ "cpus": kernel.machine.nr_cpus, "jit": kernel.machine.jit.enabled });
        let assumed = known.then(|| assumed_switches(&kernel.evidence));
        let mut entry = json!({
            "kernel": kernel.name,
            "directory": self.path(),
            "release": release,
            "architecture": directory.architecture,
            "rules": { "basis": basis, "of": known.then_some(&kernel.release) },
            "notes": kernel.caveat().into_iter().collect::<Vec<_>>(),
            "files": files.collect::<Vec<_>>(),
            "types": self.types(),
            "options": directory.options,
            "symbols": directory.symbols,
            "module_symbols": directory.module_symbols,
            "from": {
                "version": self.version,
                "switches": self.switches,
                "tables": self.rest,
                "limits": self.rest,
                "machine": self.rest,
            },
            "machine": known.then(machine),
            "switches": known.then(|| ways(&kernel.evidence)),
            "assumed": assumed.unwrap_or_default(),
            "missing": self.missing(),
        });
        let unknown = unknown_switches(&kernel.evidence);
        if !unknown.is_empty() {
            entry["unknown"] = unknown.into();
        }
        entry
    }
}

/// What is taken for the machine: whether it has a JIT, its configuration says, unless its directory states it.
fn machine(kernel: &Kernel, states: bool) -> String {
    let jit = match kernel.machine.jit.enabled {
        true => "with JIT",
        false if states => "without JIT",
        false if kernel.config("CONFIG_BPF_JIT").is_none() => "without JIT (the configuration has none)",
        false => "without JIT (the configuration does not enable it)",
    };
    format!("{} CPUs, {jit}", kernel.machine.nr_cpus)
}
