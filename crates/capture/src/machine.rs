//! What a machine says of the kernel that it runs, in files.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use verdict_kernel::{Kernel, KernelBytes, KernelError, Machine};

/// The files of a kernel, as they are written into a directory for `--kernel-dir`.
#[derive(Clone, Debug)]
pub struct Files {
    btf: Vec<u8>,
    config: Vec<u8>,
    kallsyms: Vec<u8>,
    version: String,
}

/// A file that is not there, or cannot be read.
#[derive(Debug)]
pub struct FileError {
    what: &'static str,
    tried: Vec<(PathBuf, io::Error)>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was found nowhere", self.what)?;
        for (at, (path, error)) in self.tried.iter().enumerate() {
            let between = if at == 0 { ": " } else { ", " };
            write!(f, "{between}{}: {error}", path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for FileError {}

/// More than any of the files has: a bound on what one can cost.
const MOST: u64 = 128 << 20;

/// The first of these that can be read, unpacked.
fn first(root: &Path, what: &'static str, paths: &[String]) -> Result<Vec<u8>, FileError> {
    let mut tried = Vec::new();
    for path in paths {
        let path = root.join(path.trim_start_matches('/'));
        match fs::read(&path).and_then(unpacked) {
            Ok(bytes) => return Ok(bytes),
            Err(error) => tried.push((path, error)),
        }
    }
    Err(FileError { what, tried })
}

fn unpacked(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    GzDecoder::new(bytes.as_slice())
        .take(MOST + 1)
        .read_to_end(&mut out)?;
    match out.len() as u64 > MOST {
        true => Err(io::Error::other(format!(
            "more than {} MiB, unpacked",
            MOST >> 20
        ))),
        false => Ok(out),
    }
}

/// Symbols without their addresses, which are nobody's business and differ from boot to boot.
fn without_addresses(kallsyms: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(kallsyms.len());
    for line in kallsyms.split_inclusive(|byte| *byte == b'\n') {
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let rest = match line.get(digits) {
            Some(b' ') if digits >= 8 => line.get(digits + 1..).unwrap_or_default(),
            _ => line,
        };
        // Programs that are loaded, and what was made for them, come and go.
        if !rest.ends_with(b"\t[bpf]\n") {
            out.extend_from_slice(rest);
        }
    }
    out
}

impl Files {
    /// Those of the machine that this runs on, below `root`.
    ///
    /// # Errors
    /// Names the file that is missing, and where it was looked for.
    pub fn of_machine(root: &Path) -> Result<Files, FileError> {
        let path = |path: &str| path.to_owned();
        let version = first(root, "the running kernel's release", &[path("/proc/version")])?;
        let version = String::from_utf8_lossy(&version).into_owned();
        let release = version.split_whitespace().nth(2).unwrap_or_default();
        let configs = [
            path("/proc/config.gz"),
            format!("/boot/config-{release}"),
            format!("/lib/modules/{release}/config"),
            format!("/usr/lib/modules/{release}/config"),
            format!("/usr/lib/kernel/config-{release}"),
        ];
        let kallsyms = first(root, "the list of symbols", &[path("/proc/kallsyms")])?;
        Ok(Files {
            btf: first(root, "the kernel's BTF", &[path("/sys/kernel/btf/vmlinux")])?,
            config: first(root, "the kernel's configuration", &configs)?,
            kallsyms: without_addresses(&kallsyms),
            version,
        })
    }

    /// Those that were written into a directory.
    ///
    /// # Errors
    /// Names the file that is missing.
    pub fn of_dir(dir: &Path) -> Result<Files, FileError> {
        let either = |name: &str| [name.to_owned(), format!("{name}.gz")];
        let version = first(dir, "the kernel's release", &either("version"))?;
        Ok(Files {
            btf: first(dir, "the kernel's BTF", &either("vmlinux.btf"))?,
            config: first(dir, "the kernel's configuration", &either("config"))?,
            kallsyms: first(dir, "the list of symbols", &either("kallsyms"))?,
            version: String::from_utf8_lossy(&version).into_owned(),
        })
    }

    /// The release, as `uname -r` prints it.
    pub fn release(&self) -> &str {
        self.version.split_whitespace().nth(2).unwrap_or_default()
    }

    /// What `/proc/version` says: another kernel says something else.
    pub fn version(&self) -> &str {
        self.version.trim_end()
    }

    /// The kernel by the rules of a known profile.
    ///
    /// # Errors
    /// When a file is not what it has to be.
    pub fn under(&self, profile: &str) -> Result<Kernel, KernelError> {
        let bytes = KernelBytes {
            name: self.release(),
            btf: &self.btf,
            config: &self.config,
            kallsyms: &self.kallsyms,
            version: Some(self.version.as_bytes()),
            release: None,
            semantics: None,
        };
        Kernel::from_bytes(&bytes, Some(profile))
    }

    /// Writes them.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let packed = [("vmlinux.btf.gz", &self.btf), ("kallsyms.gz", &self.kallsyms)];
        for (name, bytes) in packed {
            let mut out = GzEncoder::new(fs::File::create(dir.join(name))?, Compression::default());
            out.write_all(bytes)?;
            out.finish()?;
        }
        fs::write(dir.join("config"), &self.config)?;
        fs::write(dir.join("version"), &self.version)
    }
}

/// Facts of the machine: what is not found out stays as it is.
pub fn machine(root: &Path, known: Machine) -> Machine {
    let text = |path: &str| fs::read_to_string(root.join(path.trim_start_matches('/'))).ok();
    let mut machine = known;
    if let Some(cpus) = text("/sys/devices/system/cpu/possible").as_deref().and_then(cpus) {
        machine.nr_cpus = cpus;
    }
    if let Some(jit) = text("/proc/sys/net/core/bpf_jit_enable") {
        machine.jit.enabled = jit.trim() != "0";
    }
    if let Some(line) = text("/proc/cmdline") {
        machine.mitigations = !line.split_whitespace().any(|word| word == "mitigations=off");
    }
    machine
}

/// How many CPUs a list such as `0-3,5` reaches to.
fn cpus(list: &str) -> Option<u32> {
    let last = list.trim().rsplit([',', '-']).next()?;
    last.parse::<u32>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_counted_to_the_last() {
        assert_eq!(cpus("0-3\n"), Some(4));
        assert_eq!(cpus("0"), Some(1));
        assert_eq!(cpus("0-1,4-7"), Some(8));
        for wrong in ["", "x", "4294967295"] {
            assert_eq!(cpus(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn symbols_lose_their_addresses_and_those_of_loaded_programs() {
        let list = b"ffffffff81000000 T _stext\n0000000000000000 t a\tb\nT _etext\n\
                     ffffffffc0000000 t bpf_prog_1_x\t[bpf]\nffffffffc0001000 t f\t[mod]\n";
        let kept = without_addresses(list);
        assert_eq!(kept, b"T _stext\nt a\tb\nT _etext\nt f\t[mod]\n");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Files::of_machine(Path::new("/nonexistent")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the running kernel's release was found nowhere: "),
            "{error}"
        );
    }
}
