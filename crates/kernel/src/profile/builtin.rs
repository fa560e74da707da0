//! The kernels whose profiles are embedded in the binary.

use std::borrow::Cow;
use std::path::PathBuf;

use verdict_btf::Btf;

use super::files::gunzip;
use super::read::{How, Row};
use super::{KernelError, Parts, Prototypes, Rules, SymbolTable, Table, tables};
use crate::limits::{Capabilities, Jit, Limits, Machine};
use crate::semantics::{Evidence, Semantics};
use crate::symbols::Symbols;

/// A kernel whose profile is embedded in the binary.
#[derive(Debug)]
pub struct Known {
    /// Its full name, which is its release.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it is, in a line.
    pub doc: &'static str,
    /// Major, minor and patch level.
    pub version: (u8, u8, u16),
    /// What `/proc/version` says there.
    banner: Option<&'static str>,
    /// What of it is not modelled, a line each.
    pub missing: &'static [&'static str],
    tables: &'static str,
    limits: Limits,
    machine: Machine,
    semantics: &'static [Row<'static>],
    /// Its place in `KNOWN`, by which its symbols are found in `SYMBOLS`.
    place: usize,
    types: Types,
    /// As `sorted::config` makes it.
    config: &'static [u8],
}

/// A kernel's BTF.
#[derive(Debug)]
enum Types {
    /// In the form that look-up wants: opening costs nothing.
    Ready {
        btf: &'static [u8],
        /// What `Btf::prepare` made of it.
        tables: &'static [u8],
    },
    /// As the profile's directory has it, packed by gzip, which is unpacked several times as fast as what packs tighter.
    Packed(&'static [u8]),
}

// `KNOWN` and `SYMBOLS`, written by build.rs from the profiles' directories.
include!(concat!(env!("OUT_DIR"), "/known.rs"));

/// The embedded profile of that name or alias.
pub(super) fn find(name: &str) -> Result<&'static Known, KernelError> {
    KNOWN
        .iter()
        .find(|k| k.name == name || k.aliases.contains(&name))
        .ok_or_else(|| KernelError::Unknown(name.to_owned()))
}

impl Known {
    /// How the values of its switches are known.
    ///
    /// # Errors
    /// When the profile does not state all of them.
    pub fn evidence(&self) -> Result<Evidence, KernelError> {
        self.rules().map(|rules| rules.semantics.1)
    }

    /// What its two files state.
    pub(super) fn rules(&self) -> Result<Rules, KernelError> {
        let wrong = |e| KernelError::Profile(PathBuf::from(self.name), e);
        let semantics = Semantics::read(self.semantics).map_err(wrong)?;
        Ok(Rules {
            release: self.name.into(),
            tables: tables(self.tables).map_err(wrong)?,
            prototypes: Prototypes::default(),
            unsure: [].into(),
            version: self.version,
            banner: self.banner.map(Cow::Borrowed),
            limits: self.limits,
            machine: self.machine,
            semantics,
        })
    }

    /// Its large files.
    pub(super) fn parts(&self) -> Result<Parts, KernelError> {
        let named = || PathBuf::from(self.name);
        let btf = match self.types {
            Types::Ready { btf, tables } => Btf::parse_prepared(btf, tables),
            Types::Packed(btf) => Btf::parse(gunzip(btf).map_err(|e| KernelError::Io(named(), e))?),
        };
        Ok(Parts {
            btf: btf.map_err(|e| KernelError::Content(named(), e.to_string(), "a kernel's BTF"))?,
            config: Table::Embedded(self.config),
            kallsyms: SymbolTable::Known(self.place),
        })
    }
}
