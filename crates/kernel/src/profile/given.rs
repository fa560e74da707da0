//! A kernel that is given by its files, and by whose rules it is judged.

use std::path::{Path, PathBuf};

use super::contents::{check_config, check_kallsyms, parse_btf};
use super::files::{File, Packing, file_name, without_ending};
use super::release::{Release, Statements, architecture, stated};
use super::{
    Basis, KNOWN, Kernel, KernelError, Parts, ProfileError, Rules, SymbolTable, Table, builtin, prototypes,
    read, tables,
};
use crate::semantics::Semantics;
use crate::sorted;

/// The directory from which a kernel was read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Directory {
    /// Where it lies, as it was named.
    pub path: PathBuf,
    /// Of which release the kernel is, if anything says it.
    pub release: Option<Release>,
    /// What says that the kernel is another one than the known kernel of its version, if there is one.
    pub differs: Option<String>,
    /// The known profile that has those rules which the directory does not state, if they are known.
    pub profile: Option<&'static str>,
    /// What of it is not modelled, as it states by its `release.toml`, a line each.
    pub missing: Vec<String>,
    /// Architecture that the configuration names.
    pub architecture: Option<String>,
    /// The files that were read: BTF, configuration, symbols, and those that need not be there.
    pub files: Vec<DirectoryFile>,
    /// How many options the configuration sets.
    pub options: usize,
    /// How many symbols there are.
    pub symbols: usize,
    /// How many of them are of modules.
    pub module_symbols: usize,
}

/// A file of a kernel's directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectoryFile {
    /// Its name.
    pub name: String,
    /// How it is packed.
    pub packing: Packing,
    /// Bytes that it has unpacked.
    pub bytes: usize,
}

impl DirectoryFile {
    /// Its name without what says how it is packed.
    pub fn stem(&self) -> &str {
        without_ending(&self.name)
    }

    fn of(file: &File) -> DirectoryFile {
        DirectoryFile {
            name: file.name(),
            packing: file.packing,
            bytes: file.bytes.len(),
        }
    }
}

/// A kernel's files, wherever they come from.
pub(super) struct Files {
    /// What the kernel is called.
    pub(super) name: String,
    /// What they are files of.
    pub(super) of: PathBuf,
    pub(super) btf: File,
    pub(super) config: File,
    pub(super) kallsyms: File,
    pub(super) version: Option<File>,
    pub(super) release: Option<File>,
    pub(super) semantics: Option<File>,
}

impl Files {
    /// The kernel that they are of: see [`Kernel::from_dir`](super::Kernel).
    pub(super) fn kernel(self, assume: Option<&str>) -> Result<Kernel, KernelError> {
        let assume = assume.map(builtin::find).transpose()?;
        let Files {
            name,
            of,
            config,
            kallsyms,
            btf,
            version,
            release: release_toml,
            semantics: semantics_toml,
        } = self;
        let dir = of.as_path();
        check_config(&config)?;
        let options = sorted::config(&config.bytes);
        let is_set = |option| sorted::find(&options, option, sorted::CONFIG_SEPARATOR).next();
        let symbols = check_kallsyms(&kallsyms, is_set("CONFIG_KALLSYMS_ALL") == Some(b"y"))?;
        let stated = Stated::read(release_toml.as_ref(), semantics_toml.as_ref())?;
        let said = Statements::gather(dir, stated.as_release(), &config, version.as_ref())?;
        let architecture = architecture(&config.bytes).map(ToOwned::to_owned);
        let (own, differs) = match architecture.as_deref() {
            Some(other) if !other.starts_with("x86") => (None, None),
            _ => own(&said, &config, is_set),
        };
        let (mut rules, basis, profile) = stated.complete(dir, own, assume)?;
        if stated.release.is_none() {
            let is_y = |option| is_set(option) == Some(b"y");
            rules.machine.jit.enabled = is_y("CONFIG_BPF_JIT")
                && (is_y("CONFIG_BPF_JIT_DEFAULT_ON") || is_y("CONFIG_BPF_JIT_ALWAYS_ON"));
            if let Some(release) = said.release() {
                rules.version = release.version;
            }
        }
        if basis != Basis::Own {
            rules.banner = None;
        }
        if let Some(banner) = version.as_ref().and_then(banner) {
            rules.banner = Some(banner.into());
        }
        let missing = stated.release.as_ref();
        let missing = missing.map_or_else(Vec::new, |(_, release)| release.missing.clone());
        let every = [&btf, &config, &kallsyms].into_iter();
        let every = every.chain([&version, &release_toml, &semantics_toml].into_iter().flatten());
        let directory = Directory {
            path: dir.to_owned(),
            release: said.release().cloned(),
            differs,
            profile,
            missing,
            architecture,
            files: every.map(DirectoryFile::of).collect(),
            options: options.iter().filter(|&&b| b == b'\n').count(),
            symbols: symbols.all,
            module_symbols: symbols.of_modules,
        };
        let parts = Parts {
            btf: parse_btf(btf)?,
            config: Table::new(config.bytes, sorted::config),
            kallsyms: SymbolTable::File(Table::new(kallsyms.bytes, sorted::kallsyms)),
        };
        let kernel = Kernel::assemble(name, rules, parts);
        Ok(Kernel {
            basis,
            directory: Some(directory.into()),
            ..kernel
        })
    }
}

/// The known profile of this very kernel; or else what tells it from the one of its version, if there is one.
fn own<'c>(
    said: &Statements,
    config: &File,
    is_set: impl Fn(&'static str) -> Option<&'c [u8]>,
) -> (Option<&'static str>, Option<String>) {
    let Some(known) = said.known() else {
        return (None, None);
    };
    let sets = |option, value: &[u8]| {
        let (file, value) = (config.name(), String::from_utf8_lossy(value));
        format!("{file} sets {option}={value}")
    };
    let by_config = || {
        // All profiles are of x86-64.
        if is_set("CONFIG_X86_64") != Some(b"y") {
            return Some(format!("{} does not set CONFIG_X86_64=y", config.name()));
        }
        let suffix = is_set("CONFIG_LOCALVERSION").filter(|suffix| !matches!(suffix, [] | [b'"', b'"']));
        let suffix = suffix.map(|suffix| sets("CONFIG_LOCALVERSION", suffix));
        suffix.or_else(|| is_set("CONFIG_PREEMPT_RT").map(|value| sets("CONFIG_PREEMPT_RT", value)))
    };
    if let Some(other) = said.other() {
        // The name of the release itself says it already.
        let is_named = said.release().is_some_and(|release| release.name == other.name);
        return (
            None,
            (!is_named).then(|| format!("{} says {}", other.file, other.name)),
        );
    }
    match by_config() {
        None => (Some(known), None),
        differs => (None, differs),
    }
}

/// What `/proc/version` said, if a directory's `version` is that.
fn banner(version: &File) -> Option<String> {
    let text = std::str::from_utf8(&version.bytes).ok()?.trim_end();
    (text.starts_with("Linux version ") && !text.contains('\n')).then(|| text.to_owned())
}

/// What a directory states of its rules.
struct Stated<'f> {
    release: Option<(&'f Path, read::Release)>,
    semantics: Option<(&'f Path, super::Switches)>,
}

impl<'f> Stated<'f> {
    fn read(release: Option<&'f File>, semantics: Option<&'f File>) -> Result<Stated<'f>, KernelError> {
        let wrong = |file: &File, e| KernelError::Profile(file.path.clone(), e);
        let release = release.map(|file| {
            let release = read::release(&file.bytes).map_err(|e| wrong(file, e.into()))?;
            Ok((file.path.as_path(), release))
        });
        let semantics = semantics.map(|file| {
            let rows = read::semantics(&file.bytes).map_err(ProfileError::from);
            let switches = rows.and_then(|rows| Semantics::read(&rows));
            Ok((file.path.as_path(), switches.map_err(|e| wrong(file, e))?))
        });
        Ok(Stated {
            release: release.transpose()?,
            semantics: semantics.transpose()?,
        })
    }

    /// Of which release the kernel is, as `release.toml` has it.
    fn as_release(&self) -> Option<Release> {
        let (path, release) = self.release.as_ref()?;
        Some(stated(&release.name, release.version, file_name(path)))
    }

    /// The rules, where what is not stated is that of a known profile: of the kernel's own release, or of the one that
    /// is assumed. Which profile that is, if there is one.
    fn complete(
        &self,
        dir: &Path,
        own: Option<&'static str>,
        assume: Option<&'static super::Known>,
    ) -> Result<(Rules, Basis, Option<&'static str>), KernelError> {
        let (from, basis) = match (&self.release, &self.semantics, assume) {
            (Some(_), Some(_), Some(_)) => return Err(KernelError::StatesRules(dir.to_owned())),
            // Every part of it is stated.
            (Some(_), Some(_), None) => (&KNOWN[0], Basis::Own),
            (.., Some(known)) if own == Some(known.name) => (known, Basis::Own),
            (.., Some(known)) => (known, Basis::Assumed),
            (.., None) => match (own, &self.semantics) {
                (Some(own), _) => (builtin::find(own)?, Basis::Own),
                (None, Some((path, _))) => {
                    return Err(KernelError::Profile(path.to_path_buf(), ProfileError::Alone));
                }
                // Nothing asks for its rules.
                (None, None) => (&KNOWN[0], Basis::Unknown),
            },
        };
        let is_whole = self.release.is_some() && self.semantics.is_some();
        let profile = (basis != Basis::Unknown && !is_whole).then_some(from.name);
        let mut rules = from.rules()?;
        if let Some((path, release)) = &self.release {
            let wrong = |e| KernelError::Profile(path.to_path_buf(), e);
            rules = Rules {
                tables: tables(&release.tables).map_err(wrong)?,
                prototypes: prototypes(&release.prototypes).map_err(wrong)?,
                unsure: release.unsure.as_slice().into(),
                version: release.version,
                banner: release.banner.clone().map(Into::into),
                limits: release.limits,
                machine: release.machine,
                ..rules
            };
            if basis != Basis::Assumed {
                rules.release = release.name.clone().into();
            }
        }
        if let Some((_, switches)) = &self.semantics {
            rules.semantics = switches.clone();
        }
        Ok((rules, basis, profile))
    }
}
