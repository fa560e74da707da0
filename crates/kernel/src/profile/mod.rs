//! A kernel profile: everything the other crates ask about the kernel that a program is verified for.

mod builtin;
mod read;

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use verdict_btf::{Btf, BtfError};

use crate::feature::{Feature, Features};
use crate::limits::{Limits, Machine};
use crate::semantics::{Evidence, Semantics, SwitchError};
use crate::sorted;

pub use builtin::{KNOWN, Known};
pub use read::FormError;
pub(crate) use read::{How, Row};

/// What a directory of a kernel may unpack to, per file: a bound on what hostile input can cost.
const MAX_FILE: u64 = 256 << 20;

/// Why a profile could not be opened.
#[derive(Debug)]
pub enum KernelError {
    /// No embedded profile has this name.
    Unknown(String),
    /// A file could not be read or unpacked.
    Io(PathBuf, io::Error),
    /// The kernel's BTF is malformed.
    Btf(PathBuf, BtfError),
    /// `release.toml` or `semantics.toml` is not what it should be.
    Profile(PathBuf, ProfileError),
}

/// What is wrong with a profile's `release.toml` or `semantics.toml`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProfileError {
    /// It could not be read.
    Form(FormError),
    /// It has no value for a switch: family and name.
    MissingSwitch(String),
    /// It has a value for something that is no switch of that family.
    UnknownSwitch(String),
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
        }
    }
}

impl std::error::Error for KernelError {}

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

    fn bytes(&self) -> &[u8] {
        match self {
            Table::Embedded(bytes) => bytes,
            Table::File(file) => file.sorted.get_or_init(|| (file.prepare)(&file.text)),
        }
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
    pub version: (u8, u8, u8),
    /// How its verifier decides where kernels differ.
    pub semantics: Semantics,
    /// How the values of `semantics` are known.
    pub evidence: Evidence,
    /// The tables of helpers, kfuncs, contexts and map types that hold.
    pub tables: Cow<'static, str>,
    /// Limits of its verifier.
    pub limits: Limits,
    /// Facts of the machine.
    pub machine: Machine,
    /// Types of the kernel (vmlinux BTF).
    pub btf: Arc<Btf>,
    config: Table,
    kallsyms: Table,
    features: OnceLock<Features>,
}

impl Kernel {
    /// The embedded profile of that name or alias.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(name: &str) -> Result<Kernel, KernelError> {
        let known = builtin::find(name)?;
        let parts = known.parts()?;
        Kernel::assemble(known.name.to_owned(), known.rules()?, parts)
    }

    /// A kernel whose BTF, configuration and symbols lie in `dir`.
    ///
    /// The directory has `vmlinux.btf`, `config` and `kallsyms`, each as it is or as `.zst`; a line of
    /// `kallsyms` is a symbol's type, name and module. Its rules and tables are what its `release.toml` and
    /// `semantics.toml` say; without them they are those of the embedded profile `base`.
    ///
    /// # Errors
    /// When `base` is unknown, a file is missing, too large or malformed, or the BTF is malformed.
    pub fn from_dir(dir: &Path, base: &str) -> Result<Kernel, KernelError> {
        let (_, config) = read_file(dir, "config")?;
        let (_, kallsyms) = read_file(dir, "kallsyms")?;
        let (btf_path, btf) = read_file(dir, "vmlinux.btf")?;
        let btf = Btf::parse(btf).map_err(|e| KernelError::Btf(btf_path, e))?;
        let rules = builtin::find(base)?.rules()?.overridden_by(dir)?;
        let name = dir
            .file_name()
            .map_or_else(|| dir.to_string_lossy(), |n| n.to_string_lossy())
            .into_owned();
        let parts = Parts {
            btf,
            config: Table::new(config, sorted::config),
            kallsyms: Table::new(kallsyms, sorted::kallsyms),
        };
        Kernel::assemble(name, rules, parts)
    }

    fn assemble(name: String, rules: Rules, parts: Parts) -> Result<Kernel, KernelError> {
        let Rules {
            release,
            tables,
            version,
            limits,
            machine,
            semantics: (semantics, evidence),
        } = rules;
        Ok(Kernel {
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
        })
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

    /// The value of a kernel configuration option as it is written there (`y`, `m`, a number, a quoted
    /// string); `None` when it is not set. `option` is the whole name, with `CONFIG_`.
    pub fn config(&self, option: &str) -> Option<&str> {
        let value = sorted::find(self.config.bytes(), option, sorted::CONFIG_SEPARATOR).next()?;
        std::str::from_utf8(value).ok()
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
        sorted::find(self.kallsyms.bytes(), name, sorted::KSYM_SEPARATOR).filter_map(|rest| {
            let mut fields = std::str::from_utf8(rest).ok()?.split('\t');
            Some(Ksym {
                kind: fields.next()?.chars().next()?,
                module: fields.next(),
            })
        })
    }

    /// The first symbol of this name.
    pub fn ksym(&self, name: &str) -> Option<Ksym<'_>> {
        self.ksyms(name).next()
    }

    /// `LINUX_VERSION_CODE`.
    pub fn version_code(&self) -> u32 {
        let (major, minor, patch) = self.version;
        u32::from(major) << 16 | u32::from(minor) << 8 | u32::from(patch)
    }
}

/// What a profile states by its two files.
struct Rules {
    release: Cow<'static, str>,
    tables: Cow<'static, str>,
    version: (u8, u8, u8),
    limits: Limits,
    machine: Machine,
    semantics: (Semantics, Evidence),
}

impl Rules {
    /// These, but for what the profile files in `dir` say, where there are any.
    fn overridden_by(mut self, dir: &Path) -> Result<Rules, KernelError> {
        let path = dir.join("release.toml");
        if path.exists() {
            let text = read_bounded(&path, false).map_err(|e| KernelError::Io(path.clone(), e))?;
            let release = read::release(&text).map_err(|e| KernelError::Profile(path, e.into()))?;
            self.release = release.name.into();
            self.tables = release.tables.into();
            (self.version, self.limits, self.machine) = (release.version, release.limits, release.machine);
        }
        let path = dir.join("semantics.toml");
        if path.exists() {
            let text = read_bounded(&path, false).map_err(|e| KernelError::Io(path.clone(), e))?;
            let rows = read::semantics(&text).map_err(ProfileError::from);
            let semantics = rows.and_then(|rows| Semantics::read(&rows));
            self.semantics = semantics.map_err(|e| KernelError::Profile(path, e))?;
        }
        Ok(self)
    }
}

/// The large files of a kernel.
struct Parts {
    btf: Btf,
    config: Table,
    kallsyms: Table,
}

/// The contents of `dir/name`, or of `dir/name.zst` unpacked.
fn read_file(dir: &Path, name: &str) -> Result<(PathBuf, Vec<u8>), KernelError> {
    let plain = dir.join(name);
    let (path, packed) = if plain.exists() {
        (plain, false)
    } else {
        (dir.join(format!("{name}.zst")), true)
    };
    match read_bounded(&path, packed) {
        Ok(bytes) => Ok((path, bytes)),
        Err(e) => Err(KernelError::Io(path, e)),
    }
}

fn read_bounded(path: &Path, packed: bool) -> io::Result<Vec<u8>> {
    let file = io::BufReader::new(fs::File::open(path)?);
    if packed { unpack(file) } else { bounded(file) }
}

fn unpack(packed: impl Read) -> io::Result<Vec<u8>> {
    bounded(ruzstd::decoding::StreamingDecoder::new(packed).map_err(io::Error::other)?)
}

fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    source.take(MAX_FILE + 1).read_to_end(&mut out)?;
    if out.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too large"));
    }
    Ok(out)
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
            "no kernel is called '4.4'; known are: 6.12, 6.12.117, 6.12.117-deb12-amd64, 6.12.43, \
             6.12.43-deb12-amd64, 6.18, 6.18.15, 6.18.15-deb13-amd64"
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
        for file in ["vmlinux.btf.zst", "config.zst", "kallsyms.zst"] {
            fs::copy(from.join(file), dir.join(file)).unwrap();
        }
        let edit = |file: &str, from_text: &str, to: &str| {
            let text = fs::read_to_string(from.join(file)).unwrap();
            assert!(text.contains(from_text), "{file}: {from_text}");
            fs::write(dir.join(file), text.replacen(from_text, to, 1)).unwrap();
        };
        edit("release.toml", "used-maps = 64", "used-maps = 65");
        edit("semantics.toml", "\"imprecise-scalar\"", "\"stack-zero\"");
        let k = Kernel::from_dir(&dir, "6.12").unwrap();
        assert_eq!((k.version, k.limits.used_maps), ((6, 18, 15), 65));
        assert_eq!(k.semantics.stack.zero_spill, ZeroSpill::StackZero);
        edit("semantics.toml", "zero-spill =", "zero-spell =");
        let e = Kernel::from_dir(&dir, "6.12").unwrap_err().to_string();
        assert!(
            e.ends_with("semantics.toml: there is no switch 'stack.zero-spell'"),
            "{e}"
        );
        edit("release.toml", "limits", "limit");
        let e = Kernel::from_dir(&dir, "6.12").unwrap_err().to_string();
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
            Kernel::from_dir(&dir, "6.12").unwrap(),
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
        let e = Kernel::from_dir(Path::new("/nonexistent"), "6.12").unwrap_err();
        assert!(e.to_string().starts_with("/nonexistent/config"), "{e}");
    }
}
