//! A kernel profile: everything the other crates ask about the kernel that a program is verified for.

mod builtin;
mod bytes;
mod contents;
#[cfg(feature = "std-io")]
mod dir;
mod error;
mod files;
mod given;
mod read;
mod release;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;
#[cfg(feature = "std-io")]
use std::path::Path;
use std::sync::{Arc, OnceLock};

use verdict_btf::Btf;

use crate::feature::{Feature, Features};
use crate::limits::{Limits, Machine};
use crate::semantics::control::BpfMemory;
use crate::semantics::{Evidence, Semantics, SwitchError};
use crate::sorted;
use crate::symbols::Symbol;
use crate::tables::Tables;
use crate::tables::helper::{HelperId, helper_id};

use builtin::SYMBOLS;
pub use builtin::{KNOWN, Known};
pub use bytes::KernelBytes;
pub use error::{KernelError, ProfileError};
pub use files::Packing;
pub use given::{Directory, DirectoryFile};
pub use read::FormError;
pub use read::Unsure;
pub(crate) use read::{How, Row};
pub use release::Release;
pub use write::Title;

/// A symbol of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ksym<'k> {
    /// `nm`'s letter: `T` and `t` are functions, `D`, `d`, `B`, `b`, `R`, `r` data, …
    pub kind: char,
    /// The module it belongs to; `None` is the kernel itself.
    pub module: Option<&'k str>,
}

/// A table of [`sorted`] lines: embedded, or made of a file's text when it is first asked for.
#[derive(Clone, Debug)]
enum Table {
    Embedded(&'static [u8]),
    File(Arc<FileTable>),
}

#[derive(Debug)]
struct FileTable {
    text: Cow<'static, [u8]>,
    prepare: fn(&[u8]) -> Vec<u8>,
    sorted: OnceLock<Vec<u8>>,
}

impl Table {
    fn new(text: impl Into<Cow<'static, [u8]>>, prepare: fn(&[u8]) -> Vec<u8>) -> Table {
        Table::File(Arc::new(FileTable {
            text: text.into(),
            prepare,
            sorted: OnceLock::new(),
        }))
    }

    /// Whether both were made of the same; of two files it is the text that counts.
    fn is_same(&self, other: &Table) -> bool {
        match (self, other) {
            (Table::File(a), Table::File(b)) => a.text == b.text,
            (Table::Embedded(a), Table::Embedded(b)) => a == b,
            _ => false,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Table::Embedded(bytes) => bytes,
            Table::File(file) => file.sorted.get_or_init(|| (file.prepare)(&file.text)),
        }
    }
}

/// A symbol as those who ask know it.
fn ksym((kind, module): Symbol<'_>) -> Option<Ksym<'_>> {
    Some(Ksym {
        kind: char::from(*kind.first()?),
        module: module.map(std::str::from_utf8).transpose().ok()?,
    })
}

/// The symbols of a kernel.
#[derive(Clone, Debug)]
enum SymbolTable {
    /// Of the known kernel at that place.
    Known(usize),
    /// Of a file.
    File(Table),
}

impl SymbolTable {
    /// Whether both were made of the same.
    fn is_same(&self, other: &SymbolTable) -> bool {
        match (self, other) {
            (SymbolTable::Known(a), SymbolTable::Known(b)) => a == b,
            (SymbolTable::File(a), SymbolTable::File(b)) => a.is_same(b),
            _ => false,
        }
    }

    /// All symbols with their names.
    fn all(&self) -> impl Iterator<Item = (Vec<u8>, Symbol<'_>)> {
        let (known, file) = match self {
            SymbolTable::Known(place) => (Some(SYMBOLS.all(*place)), None),
            SymbolTable::File(table) => (None, Some(sorted::all_symbols(table.bytes()))),
        };
        known.into_iter().flatten().chain(file.into_iter().flatten())
    }

    /// Types and modules of the symbols of this name.
    fn find<'k>(&'k self, name: &str) -> impl Iterator<Item = Symbol<'k>> {
        let (known, file) = match self {
            SymbolTable::Known(place) => (Some(SYMBOLS.find(name, *place)), None),
            SymbolTable::File(table) => (None, Some(sorted::find_symbols(table.bytes(), name))),
        };
        known.into_iter().flatten().chain(file.into_iter().flatten())
    }
}

/// Whose rules a kernel is judged by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// Its own: those of a profile of its very release, or what its directory states.
    Own,
    /// Those of another kernel, as far as its directory does not state them, because that was asked for.
    Assumed,
    /// They are not known: nothing can be said of any program, and the rules that it has stand for nothing.
    Unknown,
}

/// A kernel to verify for: a release's rules and tables together with a machine's BTF and configuration.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// What the user calls it: an embedded profile's full name, or a directory's.
    pub name: String,
    /// The release whose rules and tables hold, or are assumed to.
    pub release: Cow<'static, str>,
    /// Whose they are.
    pub basis: Basis,
    /// Major, minor and patch level.
    pub version: (u8, u8, u16),
    /// What `/proc/version` says there, without the newline, if that is known.
    pub banner: Option<Cow<'static, str>>,
    /// How its verifier decides where kernels differ.
    pub semantics: Semantics,
    /// How the values of `semantics` are known.
    pub evidence: Evidence,
    /// The tables of helpers, kfuncs, contexts and map types that hold.
    pub tables: &'static Tables,
    /// Helpers whose prototypes are those of other tables, as a kernel was seen to check their arguments.
    pub prototypes: Prototypes,
    /// What it was asked and answered otherwise than these tables have it.
    pub unsure: Arc<[Unsure]>,
    /// Limits of its verifier.
    pub limits: Limits,
    /// Facts of the machine.
    pub machine: Machine,
    /// Types of the kernel (vmlinux BTF).
    pub btf: Arc<Btf>,
    config: Table,
    kallsyms: SymbolTable,
    features: OnceLock<Features>,
    /// The directory from which it was read, if it was.
    pub directory: Option<Arc<Directory>>,
}

impl Kernel {
    /// The embedded profile of that name or alias.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(name: &str) -> Result<Kernel, KernelError> {
        let known = builtin::find(name)?;
        let (rules, parts) = (known.rules()?, known.parts()?);
        Ok(Kernel::assemble(known.name.to_owned(), rules, parts))
    }

    /// A kernel whose BTF, configuration and symbols lie in `dir`.
    ///
    /// The directory has `vmlinux.btf` or `vmlinux` (`/sys/kernel/btf/vmlinux`), `config` or `config-RELEASE`
    /// (`/proc/config.gz`, `/boot/config-*`) and `kallsyms` (`/proc/kallsyms`, with addresses, with zeros for them or
    /// without), each as it is, or packed, which `.zst` or `.gz` may say. It may have `version` (`/proc/version`, or what
    /// `uname -r` prints). Its rules and tables are what its `release.toml` and `semantics.toml` say. What they do not say
    /// is as the embedded profile of the very release has it that configuration or version name, or else as the profile
    /// `assume` has it. Without any of these the kernel opens, but its rules are unknown ([`Kernel::unknown_rules`]).
    ///
    /// # Errors
    /// When a file is missing, too large, empty, cut short or malformed, when files are of different kernels, or when
    /// rules are to be assumed though the directory states them.
    #[cfg(feature = "std-io")]
    pub fn from_dir(dir: &Path, assume: Option<&str>) -> Result<Kernel, KernelError> {
        dir::files(dir)?.kernel(assume)
    }

    fn assemble(name: String, rules: Rules, parts: Parts) -> Kernel {
        let Rules {
            release,
            tables,
            prototypes,
            unsure,
            version,
            banner,
            limits,
            machine,
            semantics: (semantics, evidence),
        } = rules;
        Kernel {
            name,
            release,
            basis: Basis::Own,
            tables,
            prototypes,
            unsure,
            version,
            banner,
            semantics,
            evidence,
            limits,
            machine,
            btf: Arc::new(parts.btf),
            config: parts.config,
            kallsyms: parts.kallsyms,
            features: OnceLock::new(),
            directory: None,
        }
    }

    /// Why nothing can be said of any program: the rules of the kernel are not known.
    pub fn unknown_rules(&self) -> Option<String> {
        (self.basis == Basis::Unknown).then(|| format!("the rules of {} are not known", self.linux()))
    }

    /// That the rules are those of another kernel.
    pub fn assumed_rules(&self) -> Option<String> {
        let of = || format!("rules assumed of {} for {}", self.release, self.linux());
        (self.basis == Basis::Assumed).then(of)
    }

    /// What has to be known of whatever is said of this kernel: that its rules are assumed or not known, or not all of them.
    pub fn caveat(&self) -> Option<String> {
        let said = self.assumed_rules().or_else(|| self.unknown_rules());
        let said = said.or_else(|| self.unexplained())?;
        Some(format!("{}: {said}", self.name))
    }

    /// That not all that the kernel does is modelled, as its directory states it.
    fn unexplained(&self) -> Option<String> {
        let missing = &self.directory.as_deref()?.missing;
        (!missing.is_empty())
            .then(|| "not all of it is modelled: 'missing' in its release.toml says what".to_owned())
    }

    /// The release, as far as it is known, and how it differs from the known one of its version.
    fn linux(&self) -> String {
        let Some(directory) = self.directory.as_deref() else {
            return format!("Linux {}", self.release);
        };
        let Some(release) = &directory.release else {
            return "a kernel of an unknown release".to_owned();
        };
        let architecture = directory.architecture.as_deref();
        let on = architecture.filter(|name| !name.starts_with("x86"));
        let on = on.map_or_else(String::new, |name| format!(" on {name}"));
        let differs = directory.differs.as_deref();
        let differs = differs.map_or_else(String::new, |differs| format!(" ({differs})"));
        format!("Linux {}{on}{differs}", release.name)
    }

    /// This kernel with several switches set at once, so that some may presuppose others in any order.
    ///
    /// # Errors
    /// When there is no such switch or value, or when the values would not fit together; the message
    /// names what is legal.
    pub fn with_switches<'s>(
        mut self,
        settings: impl IntoIterator<Item = (&'s str, &'s str)> + Clone,
    ) -> Result<Kernel, SwitchError> {
        self.semantics = self.semantics.with_all(settings.clone())?;
        for (switch, _) in settings {
            self.evidence.choose(switch);
        }
        Ok(self)
    }

    /// Whether another kernel has the same version, types, configuration and symbols.
    pub fn has_types_of(&self, other: &Kernel) -> bool {
        let btf = || Arc::ptr_eq(&self.btf, &other.btf) || self.btf == other.btf;
        let symbols = || self.kallsyms.is_same(&other.kallsyms);
        self.version == other.version && self.config.is_same(&other.config) && btf() && symbols()
    }

    /// This kernel's rules on another kernel's version, types, configuration and symbols.
    #[must_use]
    pub fn with_types_of(self, other: &Kernel) -> Kernel {
        Kernel {
            version: other.version,
            btf: Arc::clone(&other.btf),
            config: other.config.clone(),
            kallsyms: other.kallsyms.clone(),
            features: OnceLock::new(),
            basis: match other.basis {
                Basis::Unknown => Basis::Unknown,
                _ => self.basis,
            },
            ..self
        }
    }

    /// The value of a kernel configuration option as it is written there (`y`, `m`, a number, a quoted
    /// string); `None` when it is not set. `option` is the whole name, with `CONFIG_`.
    pub fn config(&self, option: &str) -> Option<&str> {
        let value = sorted::find(self.config.bytes(), option, sorted::CONFIG_SEPARATOR).next()?;
        std::str::from_utf8(value).ok()
    }

    /// The configuration: a line `CONFIG_NAME=value` for each option that is set, in the order of their names.
    pub fn config_lines(&self) -> &[u8] {
        self.config.bytes()
    }

    /// All symbols with their names, in the order of these.
    pub fn symbols(&self) -> impl Iterator<Item = (String, Ksym<'_>)> {
        self.kallsyms
            .all()
            .filter_map(|(name, symbol)| Some((String::from_utf8(name).ok()?, ksym(symbol)?)))
    }

    /// Bytes of memory that maps and programs may take, where this kernel counts them as locked memory and there is a limit.
    pub fn memlock(&self) -> Option<u64> {
        let counts = self.semantics.control.bpf_memory == BpfMemory::Memlock;
        self.machine.memlock.filter(|_| counts)
    }

    /// The options that tables of this crate depend on.
    pub(crate) fn features(&self) -> Features {
        *self
            .features
            .get_or_init(|| Features::read(|option| self.config(option)))
    }

    /// Whether programs may throw exceptions: the stack can be unwound through them
    /// (`bpf_jit_supports_exceptions`).
    pub fn supports_exceptions(&self) -> bool {
        self.machine.jit.enabled && self.features().has(Feature::UnwinderOrc)
    }

    /// The symbols of this name: several when static functions or modules share it.
    pub fn ksyms(&self, name: &str) -> impl Iterator<Item = Ksym<'_>> {
        self.kallsyms.find(name).filter_map(ksym)
    }

    /// The first symbol of this name.
    pub fn ksym(&self, name: &str) -> Option<Ksym<'_>> {
        self.ksyms(name).next()
    }

    /// `LINUX_VERSION_CODE`, whose byte for the patch ends at 255.
    pub fn version_code(&self) -> u32 {
        let (major, minor, patch) = self.version;
        u32::from(major) << 16 | u32::from(minor) << 8 | u32::from(patch).min(255)
    }
}

/// The tables that a profile names.
fn tables(name: &str) -> Result<&'static Tables, ProfileError> {
    Tables::named(name).ok_or_else(|| ProfileError::Tables(name.to_owned()))
}

/// Helpers whose prototypes are those of other tables than a kernel's other rows.
pub type Prototypes = Arc<BTreeMap<HelperId, &'static Tables>>;

/// The prototypes that a profile names, by names of helpers and tables.
fn prototypes(named: &BTreeMap<String, String>) -> Result<Prototypes, ProfileError> {
    let read = |(helper, of): (&String, &String)| {
        let id = helper_id(helper).ok_or_else(|| ProfileError::Helper(helper.clone()))?;
        Ok((id, tables(of)?))
    };
    named.iter().map(read).collect::<Result<_, _>>().map(Arc::new)
}

/// What a profile states by its two files.
struct Rules {
    release: Cow<'static, str>,
    tables: &'static Tables,
    prototypes: Prototypes,
    unsure: Arc<[Unsure]>,
    version: (u8, u8, u16),
    banner: Option<Cow<'static, str>>,
    limits: Limits,
    machine: Machine,
    semantics: Switches,
}

/// The values of all switches, and how they are known.
type Switches = (Semantics, Evidence);

/// The large files of a kernel.
struct Parts {
    btf: Btf,
    config: Table,
    kallsyms: SymbolTable,
}

/// All kernels whose tables are tested: those that are embedded, and the drafts.
#[cfg(test)]
pub(crate) fn every() -> &'static [Kernel] {
    static ALL: std::sync::LazyLock<Vec<Kernel>> = std::sync::LazyLock::new(|| {
        let known = KNOWN.iter().map(|known| Kernel::open(known.name).unwrap());
        // There need not be any.
        let drafts = std::fs::read_dir(DRAFTS).into_iter().flatten();
        let mut drafts: Vec<_> = drafts.map(|entry| entry.unwrap().path()).collect();
        drafts.sort();
        let drafts = drafts.iter().map(|dir| Kernel::from_dir(dir, None).unwrap());
        known.chain(drafts).collect()
    });
    &ALL
}

/// Where profiles lie that are being made.
#[cfg(test)]
pub(crate) const DRAFTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drafts");

/// The one of these kernels whose tables have this name.
#[cfg(test)]
pub(crate) fn tested(tables: &str) -> &'static Kernel {
    every().iter().find(|k| k.tables.name == tables).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::Provenance;
    use crate::semantics::stack::ZeroSpill;

    #[test]
    fn the_default_profile_answers() {
        let k = Kernel::open("6.12").unwrap();
        assert_eq!(k.name, "6.12.117-deb12-amd64");
        assert_eq!(k.version_code(), 0x060c75);
        assert_eq!(k.config("CONFIG_BPF_SYSCALL"), Some("y"));
        assert_eq!(k.config("CONFIG_HZ"), Some("250"));
        assert_eq!(k.config("CONFIG_BPF_KPROBE_OVERRIDE"), None);
        assert_eq!(k.ksym("bpf_prog_load").map(|s| s.kind), Some('t'));
        assert_eq!(k.ksym("no_such_symbol"), None);
        assert!(k.btf.find("task_struct", verdict_btf::Kind::Struct).is_some());
        assert_eq!(Kernel::open("6.12.117-deb12-amd64").unwrap().release, k.release);
    }

    #[test]
    fn switches_can_be_set() {
        let k = Kernel::open("6.12").unwrap();
        let evidence = k.evidence.get("zero-spill");
        assert!(matches!(evidence, Some(Provenance::Probed(_))), "{evidence:?}");
        let k = k.with_switches([("zero-spill", "stack-zero")]).unwrap();
        assert_eq!(k.semantics.stack.zero_spill, ZeroSpill::StackZero);
        assert_eq!(k.evidence.get("zero-spill"), Some(&Provenance::Chosen));
        assert!(k.with_switches([("zero-spill", "other")]).is_err());
    }

    #[test]
    fn unknown_kernels_are_refused_by_name() {
        let e = Kernel::open("4.4").unwrap_err();
        assert_eq!(
            e.to_string(),
            "no kernel is called '4.4'; known are: 6.12, 6.12.117, 6.12.117-deb12-amd64, 5.10, 5.10.262, \
             5.10.262-deb11-amd64, 6.1, 6.1.192, 6.1.192-deb12-amd64, 6.12.43, 6.12.43-deb12-amd64, 6.18, 6.18.15, 6.18.15-deb13-amd64"
        );
    }

    #[test]
    fn every_known_kernel_opens_by_each_of_its_names() {
        for known in KNOWN {
            for name in known.aliases.iter().chain([&known.name]) {
                assert_eq!(Kernel::open(name).unwrap().name, known.name);
            }
        }
        assert_eq!(Kernel::open("6.18").unwrap().version_code(), 0x06120f);
        assert_eq!(Kernel::open("6.18").unwrap().config("CONFIG_HZ"), Some("250"));
    }

    #[test]
    fn a_directory_answers_like_the_embedded_profile() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/6.12.117-deb12-amd64");
        let (a, b) = (
            Kernel::open("6.12").unwrap(),
            Kernel::from_dir(&dir, None).unwrap(),
        );
        for option in ["CONFIG_HZ", "CONFIG_CC_VERSION_TEXT", "CONFIG_NONE"] {
            assert_eq!(a.config(option), b.config(option));
        }
        for symbol in ["bpf_prog_put", "init_task", "nothing", "_text"] {
            assert_eq!(
                a.ksyms(symbol).collect::<Vec<_>>(),
                b.ksyms(symbol).collect::<Vec<_>>()
            );
        }
        assert_eq!(a.btf.count(), b.btf.count());
        assert!(a.btf.prepare() == b.btf.prepare());
    }
}
