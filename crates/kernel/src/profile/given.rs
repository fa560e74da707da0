//! A kernel that is given by its files, and by whose rules it is judged.

use std::path::{Path, PathBuf};

use super::contents::{check_config, check_kallsyms, parse_btf};
use super::files::{File, Packing};
use super::release::{Release, Statements, architecture};
use super::{
    Basis, KNOWN, Kernel, KernelError, Parts, ProfileError, Rules, SymbolTable, Table, builtin, read, tables,
};
use crate::semantics::Semantics;
use crate::sorted;

/// The directory from which a kernel was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Directory {
    /// Where it lies, as it was named.
    pub path: PathBuf,
    /// Of which release the kernel is, if anything says it.
    pub release: Option<Release>,
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
        let said = Statements::gather(dir, &config, version.as_ref())?;
        let architecture = architecture(&config.bytes).map(ToOwned::to_owned);
        // All profiles are of x86-64.
        let fits = architecture.as_deref().is_none_or(|name| name.starts_with("x86"))
            && is_set("CONFIG_X86_32").is_none();
        let stated = Stated::read(release_toml.as_ref(), semantics_toml.as_ref())?;
        let (mut rules, basis) = stated.complete(dir, said.known().filter(|_| fits), assume)?;
        if is_set("CONFIG_BPF_JIT").is_none() {
            rules.machine.jit.enabled = false;
        }
        if let (Some(release), None) = (said.release(), &stated.release) {
            rules.version = release.version;
        }
        let every = [&btf, &config, &kallsyms].into_iter();
        let every = every.chain([&version, &release_toml, &semantics_toml].into_iter().flatten());
        let directory = Directory {
            path: dir.to_owned(),
            release: said.release().cloned(),
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

    /// The rules, where what is not stated is that of a known profile: of the kernel's own release, or of the one that
    /// is assumed.
    fn complete(
        &self,
        dir: &Path,
        own: Option<&'static str>,
        assume: Option<&'static super::Known>,
    ) -> Result<(Rules, Basis), KernelError> {
        let own = own.or_else(|| {
            let version = self.release.as_ref().map(|(_, release)| release.version)?;
            let known = KNOWN.iter().find(|known| known.version == version);
            known.map(|known| known.name)
        });
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
        let mut rules = from.rules()?;
        if let Some((path, release)) = &self.release {
            let tables = tables(&release.tables).map_err(|e| KernelError::Profile(path.to_path_buf(), e))?;
            rules = Rules {
                tables,
                version: release.version,
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
        Ok((rules, basis))
    }
}
