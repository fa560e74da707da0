//! A kernel's files as they lie in memory.

use std::path::{Path, PathBuf};

use super::files::{BTF, CONFIG, KALLSYMS, Kind, RELEASE, SEMANTICS, VERSION, file};
use super::given::Files;
use super::{Kernel, KernelError};

/// The files of a kernel, where it is not read from a directory: each as [`Kernel::from_dir`] expects it there, or packed by
/// gzip or zstd.
#[derive(Clone, Copy, Debug)]
pub struct KernelBytes<'b> {
    /// What it is called.
    pub name: &'b str,
    /// `vmlinux.btf`.
    pub btf: &'b [u8],
    /// `config`.
    pub config: &'b [u8],
    /// `kallsyms`.
    pub kallsyms: &'b [u8],
    /// `version`.
    pub version: Option<&'b [u8]>,
    /// `release.toml`.
    pub release: Option<&'b [u8]>,
    /// `semantics.toml`.
    pub semantics: Option<&'b [u8]>,
}

impl Kernel {
    /// The kernel that these are the files of. Its rules are found as [`Kernel::from_dir`] finds them.
    ///
    /// # Errors
    /// When one of them is too large, empty, cut short or malformed, or when rules are to be assumed though they state them.
    pub fn from_bytes(files: &KernelBytes<'_>, assume: Option<&str>) -> Result<Kernel, KernelError> {
        let of = Path::new(files.name);
        let file = |kind: Kind, bytes: &[u8]| {
            let name = kind.names.first().copied().unwrap_or_default();
            file(of.join(name), bytes.to_owned(), kind)
        };
        let optional = |kind, bytes: Option<&[u8]>| bytes.map(|bytes| file(kind, bytes)).transpose();
        let files = Files {
            name: files.name.to_owned(),
            of: PathBuf::from(of),
            config: file(CONFIG, files.config)?,
            kallsyms: file(KALLSYMS, files.kallsyms)?,
            btf: file(BTF, files.btf)?,
            version: optional(VERSION, files.version)?,
            release: optional(RELEASE, files.release)?,
            semantics: optional(SEMANTICS, files.semantics)?,
        };
        files.kernel(assume)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KNOWN;

    /// A known profile's files make the kernel that the profile makes.
    #[test]
    fn bytes_make_the_kernel_that_a_directory_makes() {
        let known = KNOWN[0].name;
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(known);
        let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
        let (btf, config, kallsyms) = (read("vmlinux.btf.zst"), read("config.zst"), read("kallsyms.zst"));
        let (release, semantics) = (read("release.toml"), read("semantics.toml"));
        let bytes = KernelBytes {
            name: "mine",
            btf: &btf,
            config: &config,
            kallsyms: &kallsyms,
            version: None,
            release: Some(&release),
            semantics: Some(&semantics),
        };
        let of_bytes = Kernel::from_bytes(&bytes, None).unwrap();
        let embedded = Kernel::open(known).unwrap();
        assert_eq!(of_bytes.name, "mine");
        assert_eq!(of_bytes.semantics, embedded.semantics);
        assert_eq!(of_bytes.limits, embedded.limits);
        assert_eq!(of_bytes.version, embedded.version);
        assert_eq!(of_bytes.btf, embedded.btf);
        assert_eq!(
            of_bytes.config("CONFIG_BPF_SYSCALL"),
            embedded.config("CONFIG_BPF_SYSCALL")
        );
        assert!(of_bytes.ksym("bpf_check").is_some());
        let wrong = KernelBytes {
            config: b"nothing",
            ..bytes
        };
        let error = Kernel::from_bytes(&wrong, None).unwrap_err();
        assert!(error.to_string().starts_with("mine/config: "), "{error}");
        let running = KernelBytes {
            version: Some(b"Linux version 6.12.117-custom (me@host) #1 SMP\n"),
            release: None,
            semantics: None,
            ..bytes
        };
        let running = Kernel::from_bytes(&running, None).unwrap();
        assert_eq!(
            running.unknown_rules().unwrap(),
            "the rules of Linux 6.12.117 (version says 6.12.117-custom) are not known"
        );
    }
}
