//! A kernel profile: everything the other crates ask about the kernel that a program is verified for.

mod builtin;
mod bytes;
#[cfg(feature = "std-io")]
mod dir;
mod files;
mod read;

use std::borrow::Cow;
use std::fmt;
use std::io;
#[cfg(feature = "std-io")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use verdict_btf::{Btf, BtfError};

use crate::feature::{Feature, Features};
use crate::limits::{Limits, Machine};
use crate::semantics::control::BpfMemory;
use crate::semantics::{Evidence, Semantics, SwitchError};
use crate::sorted;
use crate::symbols::Symbol;
use crate::tables::Tables;

use builtin::SYMBOLS;
pub use builtin::{KNOWN, Known};
pub use bytes::KernelBytes;
pub use read::FormError;
pub(crate) use read::{How, Row};

/// Why a profile could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum KernelError {
    /// No embedded profile has this name.
    Unknown(String),
    /// A file could not be read or unpacked.
    Io(PathBuf, io::Error),
    /// The kernel's BTF is malformed.
    Btf(PathBuf, BtfError),
    /// `release.toml` or `semantics.toml` is not what it should be.
    Profile(PathBuf, ProfileError),
    /// A file is not what its name promises: what was expected.
    Content(PathBuf, &'static str),
    /// No rules are known for the kernel of a directory, which is of this release, as far as its configuration says.
    NoRules(PathBuf, Option<String>),
}

/// What is wrong with a profile's `release.toml` or `semantics.toml`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProfileError {
    /// It could not be read.
    Form(FormError),
    /// It has no value for a switch: family and name.
    MissingSwitch(String),
    /// It has a value for something that is no switch of that family.
    UnknownSwitch(String),
    /// There are no tables of this name.
    Tables(String),
    /// A switch cannot have this value.
    Value(SwitchError),
}

impl From<FormError> for ProfileError {
    fn from(e: FormError) -> Self {
        ProfileError::Form(e)
    }
}

impl From<SwitchError> for ProfileError {
    fn from(e: SwitchError) -> Self {
        ProfileError::Value(e)
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileError::Form(e) => e.fmt(f),
            ProfileError::MissingSwitch(name) => write!(f, "a value for switch '{name}' was expected"),
            ProfileError::UnknownSwitch(name) => write!(f, "there is no switch '{name}'"),
            ProfileError::Tables(name) => {
                let known: Vec<_> = Tables::names().collect();
                write!(f, "there are no tables '{name}'; known are {}", known.join(", "))
            }
            ProfileError::Value(e) => e.fmt(f),
        }
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KernelError::Unknown(name) => {
                let names = |k: &'static Known| k.aliases.iter().chain([&k.name]).copied();
                let known: Vec<_> = KNOWN.iter().flat_map(names).collect();
                write!(f, "no kernel is called '{name}'; known are: {}", known.join(", "))
            }
            KernelError::Io(path, e) => write!(f, "{}: {e}", path.display()),
            KernelError::Btf(path, e) => write!(f, "{}: {e}", path.display()),
            KernelError::Profile(path, e) => write!(f, "{}: {e}", path.display()),
            KernelError::Content(path, expected) => {
                write!(f, "{}: this is not {expected}", path.display())
            }
            KernelError::NoRules(dir, release) => {
                let release = release.as_deref().unwrap_or("of an unknown release");
                let known: Vec<_> = KNOWN.iter().map(|k| k.name).collect();
                write!(
                    f,
                    "{}: unsupported: the rules of kernel {release} are not known; known are {}; name one of them \
                     to assume its rules, or add semantics.toml",
                    dir.display(),
                    known.join(", ")
                )
            }
        }
    }
}

impl std::error::Error for KernelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KernelError::Io(_, e) => Some(e),
            KernelError::Btf(_, e) => Some(e),
            KernelError::Profile(_, e) => Some(e),
            KernelError::Unknown(_) | KernelError::Content(..) | KernelError::NoRules(..) => None,
        }
    }
}

impl std::error::Error for ProfileError {}

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

    /// Types and modules of the symbols of this name.
    fn find<'k>(&'k self, name: &str) -> impl Iterator<Item = Symbol<'k>> {
        let (known, file) = match self {
            SymbolTable::Known(place) => (Some(SYMBOLS.find(name, *place)), None),
            SymbolTable::File(table) => (None, Some(sorted::find_symbols(table.bytes(), name))),
        };
        known.into_iter().flatten().chain(file.into_iter().flatten())
    }
}

/// A kernel to verify for: a release's rules and tables together with a machine's BTF and configuration.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// What the user calls it: an embedded profile's full name, or a directory's.
    pub name: String,
    /// The release whose rules and tables hold.
    pub release: Cow<'static, str>,
    /// Major, minor and patch level.
    pub version: (u8, u8, u16),
    /// How its verifier decides where kernels differ.
    pub semantics: Semantics,
    /// How the values of `semantics` are known.
    pub evidence: Evidence,
    /// The tables of helpers, kfuncs, contexts and map types that hold.
    pub tables: &'static Tables,
    /// Limits of its verifier.
    pub limits: Limits,
    /// Facts of the machine.
    pub machine: Machine,
    /// Types of the kernel (vmlinux BTF).
    pub btf: Arc<Btf>,
    config: Table,
    kallsyms: SymbolTable,
    features: OnceLock<Features>,
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
    /// The directory has `vmlinux.btf` (`/sys/kernel/btf/vmlinux`), `config` (`/proc/config.gz` or
    /// `/boot/config-*`) and `kallsyms` (`/proc/kallsyms`, with or without addresses), each as it is, or as `.zst` or
    /// `.gz`. Its rules and tables are what its `release.toml` and `semantics.toml` say. Without them they are those of the
    /// embedded profile `assume`; without that, those of the embedded profile of the very release that the configuration
    /// names.
    ///
    /// # Errors
    /// When a file is missing, too large, empty or malformed, or when no rules are known.
    #[cfg(feature = "std-io")]
    pub fn from_dir(dir: &Path, assume: Option<&str>) -> Result<Kernel, KernelError> {
        dir::files(dir)?.kernel(assume)
    }

    fn assemble(name: String, rules: Rules, parts: Parts) -> Kernel {
        let Rules {
            release,
            tables,
            version,
            limits,
            machine,
            semantics: (semantics, evidence),
        } = rules;
        Kernel {
            name,
            release,
            tables,
            version,
            semantics,
            evidence,
            limits,
            machine,
            btf: Arc::new(parts.btf),
            config: parts.config,
            kallsyms: parts.kallsyms,
            features: OnceLock::new(),
        }
    }

    /// This kernel with one semantic switch set.
    ///
    /// # Errors
    /// When there is no such switch or value, or when the values would not fit together; the message
    /// names what is legal.
    pub fn with_switch(self, switch: &str, value: &str) -> Result<Kernel, SwitchError> {
        self.with_switches([(switch, value)])
    }

    /// This kernel with several switches set at once, so that some may presuppose others in any order.
    ///
    /// # Errors
    /// As [`Kernel::with_switch`].
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
            ..self
        }
    }

    /// The value of a kernel configuration option as it is written there (`y`, `m`, a number, a quoted
    /// string); `None` when it is not set. `option` is the whole name, with `CONFIG_`.
    pub fn config(&self, option: &str) -> Option<&str> {
        let value = sorted::find(self.config.bytes(), option, sorted::CONFIG_SEPARATOR).next()?;
        std::str::from_utf8(value).ok()
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
        self.kallsyms.find(name).filter_map(|(kind, module)| {
            Some(Ksym {
                kind: char::from(*kind.first()?),
                module: module.map(std::str::from_utf8).transpose().ok()?,
            })
        })
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

/// What a profile states by its two files.
struct Rules {
    release: Cow<'static, str>,
    tables: &'static Tables,
    version: (u8, u8, u16),
    limits: Limits,
    machine: Machine,
    semantics: (Semantics, Evidence),
}

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
    use std::fs;

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
        let k = k.with_switch("zero-spill", "stack-zero").unwrap();
        assert_eq!(k.semantics.stack.zero_spill, ZeroSpill::StackZero);
        assert_eq!(k.evidence.get("zero-spill"), Some(&Provenance::Chosen));
        assert!(k.with_switch("zero-spill", "other").is_err());
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

    /// A profile needs files only.
    #[test]
    fn a_directory_with_profile_files_has_its_own_rules() {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/6.18.15-deb13-amd64");
        let dir = std::env::temp_dir().join(format!("verdict-profile-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for file in ["vmlinux.btf.gz", "config.zst", "kallsyms.zst"] {
            fs::copy(from.join(file), dir.join(file)).unwrap();
        }
        let edit = |file: &str, from_text: &str, to: &str| {
            let text = fs::read_to_string(from.join(file)).unwrap();
            assert!(text.contains(from_text), "{file}: {from_text}");
            fs::write(dir.join(file), text.replacen(from_text, to, 1)).unwrap();
        };
        edit("release.toml", "used-maps = 64", "used-maps = 65");
        edit("semantics.toml", "\"imprecise-scalar\"", "\"stack-zero\"");
        let k = Kernel::from_dir(&dir, None).unwrap();
        assert_eq!((k.version, k.limits.used_maps), ((6, 18, 15), 65));
        assert_eq!(k.semantics.stack.zero_spill, ZeroSpill::StackZero);
        edit("semantics.toml", "zero-spill =", "zero-spell =");
        let e = Kernel::from_dir(&dir, None).unwrap_err().to_string();
        assert!(
            e.ends_with("semantics.toml: there is no switch 'stack.zero-spell'"),
            "{e}"
        );
        edit("release.toml", "limits", "limit");
        let e = Kernel::from_dir(&dir, None).unwrap_err().to_string();
        assert!(
            e.contains("release.toml: ") && e.contains("unknown field `limit`"),
            "{e}"
        );
        fs::remove_dir_all(&dir).unwrap();
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

    #[test]
    fn a_directory_without_files_is_refused() {
        let e = Kernel::from_dir(Path::new("/nonexistent"), None).unwrap_err();
        assert!(e.to_string().starts_with("/nonexistent/config"), "{e}");
    }

    /// A directory with the default kernel's files, changed as each case wants.
    fn copied(test: &str) -> PathBuf {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/6.12.117-deb12-amd64");
        let dir = std::env::temp_dir().join(format!("verdict-{test}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for file in ["vmlinux.btf.zst", "config.zst", "kallsyms.zst"] {
            fs::copy(from.join(file), dir.join(file)).unwrap();
        }
        dir
    }

    #[test]
    fn rules_follow_the_release_that_the_configuration_names() {
        let dir = copied("release");
        let k = Kernel::from_dir(&dir, None).unwrap();
        assert_eq!(k.release, "6.12.117-deb12-amd64");
        let k = Kernel::from_dir(&dir, Some("6.18")).unwrap();
        assert_eq!(k.release, "6.18.15-deb13-amd64");
        fs::write(
            dir.join("config"),
            "# Linux/x86 6.12.99 Kernel Configuration\nCONFIG_BPF=y\n",
        )
        .unwrap();
        let e = Kernel::from_dir(&dir, None).unwrap_err().to_string();
        assert!(
            e.contains("unsupported: the rules of kernel 6.12.99 are not known"),
            "{e}"
        );
        fs::write(dir.join("config"), "CONFIG_BPF=y\n").unwrap();
        let e = Kernel::from_dir(&dir, None).unwrap_err().to_string();
        assert!(e.contains("kernel of an unknown release"), "{e}");
        assert!(Kernel::from_dir(&dir, Some("6.12")).is_ok());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn copies_from_a_running_machine_are_taken_as_they_are() {
        let dir = copied("machine");
        let kallsyms = "ffffffffa2000000 T _text\nffffffffa2000100 t bpf_prog_load\n\
                        ffffffffc0000000 t nft_do_chain\t[nf_tables]\n";
        fs::write(dir.join("kallsyms"), kallsyms).unwrap();
        let config = "# Linux/x86 6.12.117 Kernel Configuration\nCONFIG_HZ=1000\n";
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut packed, config.as_bytes()).unwrap();
        fs::remove_file(dir.join("config.zst")).unwrap();
        fs::write(dir.join("config.gz"), packed.finish().unwrap()).unwrap();
        let k = Kernel::from_dir(&dir, None).unwrap();
        assert_eq!(k.config("CONFIG_HZ"), Some("1000"));
        assert_eq!(k.ksym("bpf_prog_load").map(|s| s.kind), Some('t'));
        assert_eq!(k.ksym("nft_do_chain").and_then(|s| s.module), Some("nf_tables"));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn files_that_are_something_else_are_named() {
        let dir = copied("content");
        for (file, content, expected) in [
            ("config", "", "config: this is not a kernel's configuration"),
            (
                "config",
                "CONFIG\n",
                "config: this is not a kernel's configuration",
            ),
            ("kallsyms", "", "kallsyms: this is not a list of symbols"),
            (
                "kallsyms",
                "nothing here\n",
                "kallsyms: this is not a list of symbols",
            ),
            ("vmlinux.btf", "", "vmlinux.btf: "),
        ] {
            fs::write(dir.join(file), content).unwrap();
            let e = Kernel::from_dir(&dir, Some("6.12")).unwrap_err().to_string();
            assert!(e.contains(expected), "{e}");
            fs::remove_file(dir.join(file)).unwrap();
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
