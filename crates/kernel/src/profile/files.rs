//! A kernel's files, wherever they come from.

use std::io::{self, Read};
use std::path::PathBuf;

use verdict_btf::Btf;

use super::read;
use super::{KNOWN, Kernel, KernelError, Parts, ProfileError, Rules, SymbolTable, Table, builtin, tables};
use crate::semantics::Semantics;
use crate::sorted;

/// What a file may unpack to: a bound on what hostile input can cost.
const MAX_FILE: u64 = 256 << 20;

/// A file's contents, unpacked.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// A kernel's files, unpacked.
pub(super) struct Files {
    /// What the kernel is called.
    pub(super) name: String,
    /// What they are files of, for what is wrong with all of them.
    pub(super) of: PathBuf,
    pub(super) btf: File,
    pub(super) config: File,
    pub(super) kallsyms: File,
    pub(super) release: Option<File>,
    pub(super) semantics: Option<File>,
}

impl Files {
    /// The kernel that they are of, where the rules are those of the embedded profile `assume`, unless they state their own.
    pub(super) fn kernel(self, assume: Option<&str>) -> Result<Kernel, KernelError> {
        check_config(&self.config)?;
        check_kallsyms(&self.kallsyms)?;
        let rules = self.rules(assume)?;
        let btf = Btf::parse(self.btf.bytes).map_err(|e| KernelError::Btf(self.btf.path, e))?;
        let parts = Parts {
            btf,
            config: Table::new(self.config.bytes, sorted::config),
            kallsyms: SymbolTable::File(Table::new(self.kallsyms.bytes, sorted::kallsyms)),
        };
        Ok(Kernel::assemble(self.name, rules, parts))
    }

    /// The rules by which the kernel is judged.
    fn rules(&self, assume: Option<&str>) -> Result<Rules, KernelError> {
        let stated = assume.or_else(|| known_release(&self.config.bytes));
        let mut rules = match (stated, &self.release, &self.semantics) {
            (Some(name), ..) => builtin::find(name)?.rules()?,
            // Every part of it is stated below.
            (None, Some(_), Some(_)) => KNOWN[0].rules()?,
            (None, ..) => {
                let release = release_of(&self.config.bytes).map(ToOwned::to_owned);
                return Err(KernelError::NoRules(self.of.clone(), release));
            }
        };
        if let Some(file) = &self.release {
            let wrong = |e| KernelError::Profile(file.path.clone(), e);
            let release = read::release(&file.bytes).map_err(|e| wrong(e.into()))?;
            rules = Rules {
                release: release.name.into(),
                tables: tables(&release.tables).map_err(wrong)?,
                version: release.version,
                limits: release.limits,
                machine: release.machine,
                ..rules
            };
        }
        if let Some(file) = &self.semantics {
            let rows = read::semantics(&file.bytes).map_err(ProfileError::from);
            let semantics = rows.and_then(|rows| Semantics::read(&rows));
            rules.semantics = semantics.map_err(|e| KernelError::Profile(file.path.clone(), e))?;
        }
        Ok(rules)
    }
}

pub(super) fn unpack(packed: impl Read) -> io::Result<Vec<u8>> {
    bounded(ruzstd::decoding::StreamingDecoder::new(packed).map_err(io::Error::other)?)
}

pub(super) fn gunzip(packed: impl Read) -> io::Result<Vec<u8>> {
    bounded(flate2::read::GzDecoder::new(packed))
}

pub(super) fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    source.take(MAX_FILE + 1).read_to_end(&mut out)?;
    if out.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too large"));
    }
    Ok(out)
}

/// Refuses what is no configuration.
fn check_config(file: &File) -> Result<(), KernelError> {
    let expected = "a kernel's configuration: no line is CONFIG_NAME=value";
    if sorted::config(&file.bytes).is_empty() {
        return Err(KernelError::Content(file.path.clone(), expected));
    }
    Ok(())
}

/// Refuses what is no list of symbols, by its first line.
fn check_kallsyms(file: &File) -> Result<(), KernelError> {
    let expected = "a list of symbols: its first line is not an address (which may be missing), a type's letter and a name";
    let first = file.bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    match sorted::symbol(first) {
        Some((_, [_], _)) => Ok(()),
        _ => Err(KernelError::Content(file.path.clone(), expected)),
    }
}

/// The release that a configuration's head names: `# Linux/x86 6.12.117 Kernel Configuration`.
fn release_of(config: &[u8]) -> Option<&str> {
    config.split(|&b| b == b'\n').take(10).find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let (_, release) = line.strip_suffix(" Kernel Configuration")?.rsplit_once(' ')?;
        line.starts_with("# Linux/").then_some(release)
    })
}

/// The embedded profile of exactly that release.
fn known_release(config: &[u8]) -> Option<&'static str> {
    let mut numbers = release_of(config)?.split('.');
    let version = (
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
    );
    if numbers.next().is_some() {
        return None;
    }
    KNOWN.iter().find(|k| k.version == version).map(|k| k.name)
}
