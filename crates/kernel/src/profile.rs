//! A kernel profile: everything the other crates ask about the kernel that a program is verified for.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use verdict_btf::{Btf, BtfError};

use crate::feature::{Feature, Features};
use crate::limits::{Limits, Machine};
use crate::semantics::{self, Evidence, Semantics, SwitchError};
use crate::sorted;

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
    pub version: (u8, u8, u8),
    semantics: (Semantics, Evidence),
    limits: Limits,
    machine: Machine,
    btf: &'static [u8],
    /// What `Btf::prepare` made of it.
    btf_tables: &'static [u8],
    config: &'static [u8],
    kallsyms: &'static [u8],
}

macro_rules! embedded {
    ($profile:literal, $file:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $profile, "/", $file))
    };
}

/// The kernels that are known, the default one first.
pub static KNOWN: &[Known] = &[Known {
    name: "6.12.117-deb12-amd64",
    aliases: &["6.12"],
    doc: "Debian 12 backports, x86-64",
    version: (6, 12, 117),
    semantics: semantics::DEB12_6_12_117,
    limits: Limits::LINUX_6_12,
    machine: Machine::X86_64,
    btf: embedded!("6.12.117-deb12-amd64", "vmlinux.btf"),
    btf_tables: embedded!("6.12.117-deb12-amd64", "vmlinux.tables"),
    config: embedded!("6.12.117-deb12-amd64", "config"),
    kallsyms: embedded!("6.12.117-deb12-amd64", "kallsyms"),
}];

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
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KernelError::Unknown(name) => {
                let known: Vec<_> = KNOWN
                    .iter()
                    .flat_map(|k| k.aliases.iter().chain([&k.name]))
                    .copied()
                    .collect();
                write!(f, "no kernel is called '{name}'; known are: {}", known.join(", "))
            }
            KernelError::Io(path, e) => write!(f, "{}: {e}", path.display()),
            KernelError::Btf(path, e) => write!(f, "{}: {e}", path.display()),
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
    text: Vec<u8>,
    prepare: fn(&[u8]) -> Vec<u8>,
    sorted: OnceLock<Vec<u8>>,
}

impl Table {
    fn new(text: Vec<u8>, prepare: fn(&[u8]) -> Vec<u8>) -> Table {
        Table::File(Arc::new(FileTable {
            text,
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
    pub release: &'static str,
    /// Major, minor and patch level.
    pub version: (u8, u8, u8),
    /// How its verifier decides where kernels differ.
    pub semantics: Semantics,
    /// How the values of `semantics` are known.
    pub evidence: Evidence,
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
        let known = find(name)?;
        let btf = Btf::parse_prepared(known.btf, known.btf_tables)
            .map_err(|e| KernelError::Btf(PathBuf::from(known.name), e))?;
        let (config, kallsyms) = (Table::Embedded(known.config), Table::Embedded(known.kallsyms));
        Ok(Kernel::assemble(
            known,
            known.name.to_owned(),
            btf,
            config,
            kallsyms,
        ))
    }

    /// A kernel whose BTF, configuration and symbols lie in `dir`, with rules and tables of the embedded
    /// profile `base`.
    ///
    /// The directory has `vmlinux.btf`, `config` and `kallsyms`, each as it is or as `.zst`; a line of
    /// `kallsyms` is a symbol's type, name and module.
    ///
    /// # Errors
    /// When `base` is unknown, a file is missing or too large, or the BTF is malformed.
    pub fn from_dir(dir: &Path, base: &str) -> Result<Kernel, KernelError> {
        let known = find(base)?;
        let (_, config) = read(dir, "config")?;
        let (_, kallsyms) = read(dir, "kallsyms")?;
        let (btf_path, btf) = read(dir, "vmlinux.btf")?;
        let btf = Btf::parse(btf).map_err(|e| KernelError::Btf(btf_path, e))?;
        let name = dir
            .file_name()
            .map_or_else(|| dir.to_string_lossy(), |n| n.to_string_lossy())
            .into_owned();
        let config = Table::new(config, sorted::config);
        Ok(Kernel::assemble(
            known,
            name,
            btf,
            config,
            Table::new(kallsyms, sorted::kallsyms),
        ))
    }

    fn assemble(known: &'static Known, name: String, btf: Btf, config: Table, kallsyms: Table) -> Kernel {
        Kernel {
            name,
            release: known.name,
            version: known.version,
            semantics: known.semantics.0,
            evidence: known.semantics.1,
            limits: known.limits,
            machine: known.machine,
            btf: Arc::new(btf),
            config,
            kallsyms,
            features: OnceLock::new(),
        }
    }

    /// This kernel with one semantic switch set.
    ///
    /// # Errors
    /// When there is no such switch or value, or when the values would not fit together; the message
    /// names what is legal.
    pub fn with_switch(mut self, switch: &str, value: &str) -> Result<Kernel, SwitchError> {
        self.semantics = self.semantics.with(switch, value)?;
        self.evidence.choose(switch);
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

fn find(name: &str) -> Result<&'static Known, KernelError> {
    KNOWN
        .iter()
        .find(|k| k.name == name || k.aliases.contains(&name))
        .ok_or_else(|| KernelError::Unknown(name.to_owned()))
}

/// The contents of `dir/name`, or of `dir/name.zst` unpacked.
fn read(dir: &Path, name: &str) -> Result<(PathBuf, Vec<u8>), KernelError> {
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
    let mut source: Box<dyn Read> = if packed {
        Box::new(ruzstd::decoding::StreamingDecoder::new(file).map_err(io::Error::other)?)
    } else {
        Box::new(file)
    };
    let mut out = Vec::new();
    source.by_ref().take(MAX_FILE + 1).read_to_end(&mut out)?;
    if out.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too large"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::Provenance;

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
        assert_eq!(k.semantics.zero_spill, semantics::ZeroSpill::StackZero);
        assert_eq!(k.evidence.get("zero-spill"), Some(Provenance::Chosen));
        assert!(k.with_switch("zero-spill", "other").is_err());
    }

    #[test]
    fn unknown_kernels_are_refused_by_name() {
        let e = Kernel::open("4.4").unwrap_err();
        assert_eq!(
            e.to_string(),
            "no kernel is called '4.4'; known are: 6.12, 6.12.117-deb12-amd64"
        );
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
