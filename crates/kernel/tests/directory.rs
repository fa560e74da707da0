//! Kernels whose files lie in a directory: what is taken, what is refused, and by whose rules they are judged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use verdict_kernel::semantics::stack::ZeroSpill;
use verdict_kernel::{Basis, Kernel};

/// The files of a kernel, as far as they are checked: no kernel has fewer symbols.
const SYMBOLS: &str = "\
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81506f10 T bpf_prog_load
ffffffff82209988 T _etext
ffffffff837f8910 T _einittext
ffffffff84000000 B _end
ffffffffc0000000 t nft_do_chain\t[nf_tables]
";

fn config_of(release: &str) -> String {
    format!("#\n# Linux/x86 {release} Kernel Configuration\n#\n{OPTIONS}")
}

const OPTIONS: &str = "\
CONFIG_LOCALVERSION=\"\"
CONFIG_X86_64=y
CONFIG_HZ=1000
CONFIG_BPF_JIT=y
CONFIG_BPF_JIT_DEFAULT_ON=y
";

/// BTF of a struct of 8 bytes.
fn btf_of(name: &str) -> Vec<u8> {
    const STRUCT: u32 = 4;
    let strings = format!("\0{name}\0");
    let words = [24, 0, 12, 12, strings.len() as u32, 1, STRUCT << 24, 8];
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    bytes.extend(words.iter().flat_map(|word: &u32| word.to_le_bytes()));
    bytes.extend_from_slice(strings.as_bytes());
    bytes
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

/// A directory of its own, which goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn empty(test: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("verdict-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    /// With the files of a small kernel of this release.
    fn of(test: &str, release: &str) -> Dir {
        let dir = Dir::empty(test);
        dir.write("vmlinux.btf", btf_of("task_struct"));
        dir.write("config", config_of(release));
        dir.write("kallsyms", SYMBOLS);
        dir
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), content).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.0.join(name)).unwrap();
    }

    /// Copies a file of an embedded profile, with something in it replaced.
    fn copy(&self, profile: &str, file: &str, (from, to): (&str, &str)) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("profiles")
            .join(profile)
            .join(file);
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        self.write(file, text.replacen(from, to, 1));
    }

    fn open(&self, assume: Option<&str>) -> Result<Kernel, String> {
        Kernel::from_dir(&self.0, assume).map_err(|e| e.to_string())
    }

    /// What is said of it, without the directory.
    fn error(&self) -> String {
        let error = self.open(Some("6.12")).unwrap_err();
        error.replace(&*self.0.to_string_lossy(), "D")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn copies_from_a_running_machine_are_taken_as_they_are() {
    let dir = Dir::empty("machine");
    dir.write("vmlinux", btf_of("task_struct"));
    dir.write("config.gz", gzip(config_of("6.12.117").as_bytes()));
    dir.write("kallsyms", SYMBOLS);
    let k = dir.open(None).unwrap();
    assert_eq!(k.config("CONFIG_HZ"), Some("1000"));
    assert_eq!(k.ksym("bpf_prog_load").map(|s| s.kind), Some('T'));
    assert_eq!(k.ksym("nft_do_chain").and_then(|s| s.module), Some("nf_tables"));
    assert_eq!((k.basis, &*k.release), (Basis::Own, "6.12.117-deb12-amd64"));
    let about = k.directory.clone().unwrap();
    assert_eq!((about.options, about.symbols, about.module_symbols), (5, 7, 1));
    // An ordinary user sees zeros for addresses; some lists have none. Nothing depends on them.
    let zeros: String = SYMBOLS
        .lines()
        .map(|line| format!("0000000000000000{}\n", &line[16..]))
        .collect();
    let without: String = SYMBOLS.lines().map(|line| format!("{}\n", &line[17..])).collect();
    for list in [zeros, without] {
        dir.write("kallsyms", list);
        let other = dir.open(None).unwrap();
        for symbol in ["bpf_prog_load", "nft_do_chain", "_end", "absent"] {
            assert_eq!(k.ksym(symbol), other.ksym(symbol));
        }
    }
    // Files are told by how they begin, whatever they are called.
    dir.remove("config.gz");
    dir.write(
        "config",
        gzip(config_of("6.12.117").replace('\n', "\r\n").as_bytes()),
    );
    assert_eq!(dir.open(None).unwrap().config("CONFIG_HZ"), Some("1000"));
    dir.remove("config");
    dir.write("config-6.12.117+deb12-amd64", config_of("6.12.117"));
    assert!(dir.open(None).is_ok());
}

#[test]
fn missing_files_are_named_at_once() {
    let dir = Dir::empty("missing");
    assert_eq!(
        dir.error(),
        "D: no vmlinux.btf (/sys/kernel/btf/vmlinux), and no config (/proc/config.gz, /boot/config-RELEASE), and no \
         kallsyms (/proc/kallsyms)"
    );
    dir.write("config", config_of("6.12.117"));
    dir.write("kallsyms", SYMBOLS);
    assert_eq!(dir.error(), "D: no vmlinux.btf (/sys/kernel/btf/vmlinux)");
    let e = Kernel::from_dir(Path::new("/nonexistent"), None)
        .unwrap_err()
        .to_string();
    assert!(e.starts_with("/nonexistent: "), "{e}");
    let e = Kernel::from_dir(&dir.0.join("config"), None)
        .unwrap_err()
        .to_string();
    assert!(
        e.ends_with("config: expected a directory with vmlinux.btf, config and kallsyms"),
        "{e}"
    );
}

#[test]
fn files_that_are_something_else_or_cut_short_are_named() {
    let dir = Dir::of("content", "6.12.117");
    let config = config_of("6.12.117");
    let packed = gzip(config.as_bytes());
    let btf = btf_of("task_struct");
    let ended = |end: &str| format!("{config}# end of Networking\n{end}");
    let (unended, nothing) = (ended(""), gzip(b""));
    let other_btf = btf_of("other");
    let cases: [(&str, &[u8], &str); 22] = [
        (
            "config",
            b"",
            "config: empty: expected a kernel's configuration, as ",
        ),
        (
            "config",
            b"CONFIG\n",
            "config: line 1 sets no CONFIG_ option and is no comment: ",
        ),
        (
            "config",
            b"# all comment\n",
            "config: no line sets a CONFIG_ option: ",
        ),
        ("config", b"\x01\x02\xff\xfe", "config: line 1 sets no "),
        (
            "config",
            &config.as_bytes()[..config.len() - 1],
            "config: cut short: its last line does not end: ",
        ),
        (
            "config",
            unended.as_bytes(),
            "config: cut short: it has no line '# end of Kernel hacking': ",
        ),
        (
            "config",
            &packed[..packed.len() - 9],
            "config: cut short or damaged: gzip cannot unpack it (",
        ),
        (
            "config",
            b"\x28\xb5\x2f\xfd",
            "config: cut short or damaged: zstd cannot unpack it (",
        ),
        ("config", &nothing, "config: empty when it is unpacked: "),
        (
            "kallsyms",
            b"",
            "kallsyms: empty: expected the kernel's symbols, as /proc/kallsyms lists them",
        ),
        (
            "kallsyms",
            b"nothing here\n",
            "kallsyms: line 1 is not an address (which may be missing), ",
        ),
        (
            "kallsyms",
            &SYMBOLS.as_bytes()[..SYMBOLS.len() - 1],
            "kallsyms: cut short: its last line does not end: ",
        ),
        (
            "kallsyms",
            &SYMBOLS.as_bytes()[..60],
            "kallsyms: cut short: its last line does not end: ",
        ),
        (
            "kallsyms",
            b"T _stext\nT bpf_prog_load\n",
            "kallsyms: cut short or filtered: it lacks _etext and _einittext: ",
        ),
        (
            "kallsyms",
            b"t bpf_check\n",
            "kallsyms: not those of a whole kernel: _stext, ",
        ),
        ("kallsyms", b"\0\0\0\0\n", "kallsyms: line 1 is not an address "),
        (
            "vmlinux.btf",
            b"",
            "vmlinux.btf: empty: expected the kernel's BTF, as /sys/kernel/btf/vmlinux has it",
        ),
        ("vmlinux.btf", b"garbage", "vmlinux.btf: not BTF, or cut short: "),
        (
            "vmlinux.btf",
            &btf[..btf.len() - 1],
            "vmlinux.btf: not BTF, or cut short: ",
        ),
        (
            "vmlinux.btf",
            &other_btf,
            "vmlinux.btf: the BTF of something else: it has no struct task_struct: ",
        ),
        (
            "vmlinux.btf",
            b"\x7fELF\x02\x01",
            "vmlinux.btf: an ELF image, not what is in its section .BTF ",
        ),
        (
            "version",
            b"hello there\n",
            "version: no release stands in it: expected what /proc/version or `uname -r` says",
        ),
    ];
    for (file, content, expected) in cases {
        let before = fs::read(dir.0.join(file)).ok();
        dir.write(file, content);
        let error = dir.error();
        assert!(error.starts_with(&format!("D/{expected}")), "{error}");
        match before {
            Some(before) => dir.write(file, before),
            None => dir.remove(file),
        }
    }
    assert!(dir.open(None).is_ok());
    dir.write(
        "config",
        ended("# end of Kernel hacking\n\nCONFIG_IO_URING_ZCRX=y\n"),
    );
    assert!(dir.open(None).is_ok());
    // A configuration by which data has names, too, which end later.
    dir.write("config", config + "CONFIG_KALLSYMS_ALL=y\n");
    assert!(dir.open(None).is_ok());
    dir.write("kallsyms", SYMBOLS.replace(" _end", " end"));
    assert!(
        dir.error().contains("filtered: it lacks _end: "),
        "{}",
        dir.error()
    );
}

#[test]
fn what_is_no_file_or_has_no_end_costs_little() {
    let dir = Dir::of("hostile", "6.12.117");
    dir.remove("kallsyms");
    fs::create_dir(dir.0.join("kallsyms")).unwrap();
    assert!(
        dir.error().starts_with("D/kallsyms: a directory: expected "),
        "{}",
        dir.error()
    );
    fs::remove_dir(dir.0.join("kallsyms")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/dev/zero", dir.0.join("kallsyms")).unwrap();
        assert!(
            dir.error().starts_with("D/kallsyms: not a file: expected "),
            "{}",
            dir.error()
        );
        dir.remove("kallsyms");
        std::os::unix::fs::symlink("nowhere", dir.0.join("kallsyms")).unwrap();
        assert!(
            dir.error().starts_with("D/kallsyms: No such file"),
            "{}",
            dir.error()
        );
        dir.remove("kallsyms");
    }
    dir.write("kallsyms", gzip(&b"T a\n".repeat(4_000_001)));
    let expected = "D/kallsyms: it has more than 4000000 lines: ";
    assert!(dir.error().starts_with(expected), "{}", dir.error());
    dir.write("kallsyms", gzip(&vec![b'\n'; (128 << 20) + 1]));
    let expected = "D/kallsyms: larger than 128 MiB when it is unpacked: ";
    assert!(dir.error().starts_with(expected), "{}", dir.error());
    dir.write("kallsyms", SYMBOLS);
    dir.write("config", gzip(&vec![b'#'; 17 << 20]));
    let expected = "D/config: larger than 16 MiB when it is unpacked: expected a kernel's configuration";
    assert!(dir.error().starts_with(expected), "{}", dir.error());
    dir.write("config", vec![b'#'; (16 << 20) + 1]);
    assert!(
        dir.error().starts_with("D/config: larger than 16 MiB: "),
        "{}",
        dir.error()
    );
}

/// Each byte of the small files changed, and all their beginnings: no panic, and an error names a file.
#[test]
fn damaged_files_are_refused_or_taken() {
    let dir = Dir::of("damaged", "6.12.117");
    for file in ["config", "kallsyms", "vmlinux.btf"] {
        let whole = fs::read(dir.0.join(file)).unwrap();
        for at in 0..whole.len() {
            for byte in [0, b'\n', 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                dir.write(file, changed);
                if let Err(error) = dir.open(Some("6.12")) {
                    assert!(error.contains(file), "{error}");
                }
            }
            dir.write(file, &whole[..at]);
            if let Err(error) = dir.open(Some("6.12")) {
                assert!(error.contains(file), "{error}");
            }
        }
        dir.write(file, whole);
    }
}

#[test]
#[cfg(unix)]
fn names_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = Dir::of("names", "6.12.117");
    let odd = dir.0.join(OsStr::from_bytes(b"k\xff"));
    fs::create_dir(&odd).unwrap();
    for file in ["vmlinux.btf", "kallsyms"] {
        fs::rename(dir.0.join(file), odd.join(file)).unwrap();
    }
    fs::rename(dir.0.join("config"), odd.join(OsStr::from_bytes(b"config-\xff"))).unwrap();
    let k = Kernel::from_dir(&odd, None).unwrap();
    assert_eq!(k.name, "k\\xff");
    fs::copy(
        odd.join(OsStr::from_bytes(b"config-\xff")),
        odd.join("config-6.1"),
    )
    .unwrap();
    let e = Kernel::from_dir(&odd, None).unwrap_err().to_string();
    assert!(
        e.contains("there are config-6.1 and config-\\xff; expected one of them"),
        "{e}"
    );
}

#[test]
fn a_kernel_of_a_known_release_follows_its_profile() {
    let dir = Dir::of("known", "6.12.117");
    let k = dir.open(None).unwrap();
    assert_eq!(
        (k.basis, &*k.release, k.version),
        (Basis::Own, "6.12.117-deb12-amd64", (6, 12, 117))
    );
    assert_eq!(k.caveat(), None);
    // What its own profile says is nothing that is assumed.
    assert_eq!(dir.open(Some("6.12")).unwrap().caveat(), None);
    let other = dir.open(Some("6.18")).unwrap();
    assert_eq!((other.basis, other.version), (Basis::Assumed, (6, 12, 117)));
    assert_eq!(
        other.assumed_rules().unwrap(),
        "rules assumed of 6.18.15-deb13-amd64 for Linux 6.12.117"
    );
}

#[test]
fn the_configuration_says_whether_there_is_a_jit() {
    const DEFAULT: &str = "CONFIG_BPF_JIT_DEFAULT_ON";
    let dir = Dir::of("jit", "6.12.117");
    let config = config_of("6.12.117");
    let enabled = |dir: &Dir| dir.open(None).unwrap().machine.jit.enabled;
    assert!(enabled(&dir));
    // Who boots it would have to enable it first.
    dir.write("config", config.replace(DEFAULT, "CONFIG_HAVE_EBPF_JIT"));
    assert!(!enabled(&dir));
    dir.write("config", config.replace(DEFAULT, "CONFIG_BPF_JIT_ALWAYS_ON"));
    assert!(enabled(&dir));
    let without = config.replace("CONFIG_BPF_JIT=y\n", "");
    dir.write("config", &without);
    assert!(!enabled(&dir));
    // What the directory states is what holds.
    let jit = "[machine.jit]\nenabled = ";
    dir.copy("6.12.117-deb12-amd64", "release.toml", ("", ""));
    assert!(enabled(&dir));
    dir.write("config", &config);
    let (from, to) = (format!("{jit}true"), format!("{jit}false"));
    dir.copy("6.12.117-deb12-amd64", "release.toml", (&from, &to));
    assert!(!enabled(&dir));
}

#[test]
fn a_kernel_with_changes_of_others_is_not_the_known_one_of_its_version() {
    let dir = Dir::of("changed", "6.12.117");
    let said = |dir: &Dir| dir.open(None).unwrap().unknown_rules();
    let unknown = |differs: &str| Some(format!("the rules of Linux 6.12.117 ({differs}) are not known"));
    assert_eq!(said(&dir), None);
    for (running, other) in [
        (
            "Linux version 6.12.117-custom (me@host) #1 SMP",
            "6.12.117-custom",
        ),
        ("6.12.117+\n", "6.12.117+"),
        ("6.12.0-55.el10.x86_64\n", "6.12.0-55.el10.x86_64"),
    ] {
        dir.write("version", running);
        assert_eq!(said(&dir), unknown(&format!("version says {other}")));
    }
    dir.write("version", "6.12.117+deb12-amd64\n");
    assert_eq!(said(&dir), None);
    for (from, to, differs) in [
        (
            "CONFIG_LOCALVERSION=\"\"",
            "CONFIG_LOCALVERSION=\"-mine\"",
            "config sets CONFIG_LOCALVERSION=\"-mine\"",
        ),
        (
            "CONFIG_HZ=1000",
            "CONFIG_PREEMPT_RT=y",
            "config sets CONFIG_PREEMPT_RT=y",
        ),
        (
            "CONFIG_X86_64=y",
            "# CONFIG_64BIT is not set",
            "config does not set CONFIG_X86_64=y",
        ),
    ] {
        dir.write("config", config_of("6.12.117").replace(from, to));
        assert_eq!(said(&dir), unknown(differs));
        // A profile's head alone does not make it that kernel, either.
        dir.copy("6.12.117-deb12-amd64", "release.toml", ("", ""));
        let differs = format!("the rules of Linux 6.12.117-deb12-amd64 ({differs}) are not known");
        assert_eq!(said(&dir), Some(differs));
        dir.remove("release.toml");
        let assumed = dir.open(Some("6.12")).unwrap();
        assert_eq!(assumed.basis, Basis::Assumed);
    }
    dir.write(
        "config",
        config_of("6.12.117").replace("CONFIG_LOCALVERSION=\"\"\n", ""),
    );
    assert_eq!(said(&dir), None);
}

#[test]
fn the_rules_of_other_kernels_are_unknown_unless_some_are_assumed() {
    let dir = Dir::of("unknown", "6.12.99");
    let k = dir.open(None).unwrap();
    assert_eq!(k.basis, Basis::Unknown);
    assert_eq!(
        k.unknown_rules().unwrap(),
        "the rules of Linux 6.12.99 are not known"
    );
    let assumed = dir.open(Some("6.12")).unwrap();
    assert_eq!((assumed.basis, assumed.version), (Basis::Assumed, (6, 12, 99)));
    assert!(assumed.unknown_rules().is_none());
    let e = dir.open(Some("6.99")).unwrap_err();
    assert!(e.starts_with("no kernel is called '6.99'; known are: "), "{e}");
    for (head, says) in [
        (
            "# Linux/x86 6.12.117-rt5 Kernel Configuration\n",
            "the rules of Linux 6.12.117-rt5 are not known",
        ),
        (
            "# Linux/arm64 6.12.117 Kernel Configuration\n",
            "the rules of Linux 6.12.117 on arm64 are not known",
        ),
        (
            "CONFIG_X86_32=y\n# Linux/x86 6.12.117 Kernel Configuration\n",
            "the rules of Linux 6.12.117 (config does not set CONFIG_X86_64=y) are not known",
        ),
        ("", "the rules of a kernel of an unknown release are not known"),
    ] {
        dir.write("config", format!("{head}CONFIG_HZ=1000\n"));
        assert_eq!(dir.open(None).unwrap().unknown_rules().unwrap(), says);
    }
    // Without any release the version is the assumed kernel's.
    assert_eq!(dir.open(Some("6.12")).unwrap().version, (6, 12, 117));
}

#[test]
fn the_release_is_what_the_files_say_together() {
    let dir = Dir::of("release", "6.1.192");
    let of = |dir: &Dir| {
        let k = dir.open(None)?;
        let release = k.directory.as_ref().unwrap().release.clone();
        Ok::<_, String>((k.basis, release.map(|r| (r.name, r.file))))
    };
    let says = |basis, name: &str, file: &str| Ok((basis, Some((name.to_owned(), file.to_owned()))));
    assert_eq!(of(&dir), says(Basis::Own, "6.1.192", "config"));
    // A distribution's own number beside it: Debian names its source, too.
    dir.write("version", "6.1.0-43-amd64\n");
    assert_eq!(of(&dir), says(Basis::Unknown, "6.1.192", "config"));
    dir.write(
        "version",
        "Linux version 6.1.0-43-amd64 (a@b) #1 SMP Debian 6.1.192-1\n",
    );
    assert_eq!(of(&dir), says(Basis::Own, "6.1.192", "config"));
    dir.write("version", "Linux version 6.18.44-custom (me@host) #1 SMP\n");
    let e = of(&dir).unwrap_err();
    assert!(
        e.ends_with("its files are of different kernels: config says 6.1.192, version says 6.18.44-custom"),
        "{e}"
    );
    dir.write("config", OPTIONS);
    assert_eq!(of(&dir), says(Basis::Unknown, "6.18.44-custom", "version"));
    dir.write(
        "version",
        "Linux version 6.1.0-43-amd64 (a@b) #1 SMP Debian 6.1.192-1 (2026-01-01)\n",
    );
    assert_eq!(of(&dir), says(Basis::Own, "6.1.192", "version"));
    dir.write("version", "6.1.0-43-amd64\n");
    assert_eq!(of(&dir), says(Basis::Unknown, "6.1.0-43-amd64", "version"));
    dir.remove("version");
    fs::rename(dir.0.join("config"), dir.0.join("config-6.12.117+deb12-amd64")).unwrap();
    assert_eq!(
        of(&dir),
        says(Basis::Own, "6.12.117+deb12-amd64", "config-6.12.117+deb12-amd64")
    );
}

#[test]
fn a_directory_with_profile_files_has_its_own_rules() {
    const PROFILE: &str = "6.18.15-deb13-amd64";
    let dir = Dir::of("profile", "6.18.44");
    dir.copy(PROFILE, "release.toml", ("", ""));
    let e = dir.open(None).unwrap_err();
    let words = "of different kernels: release.toml says 6.18.15-deb13-amd64, config says 6.18.44";
    assert!(e.ends_with(words), "{e}");
    dir.remove("release.toml");
    let same = ("", "");
    let release = ("used-maps = 64", "used-maps = 65");
    let switches = ("\"imprecise-scalar\"", "\"stack-zero\"");
    dir.copy(PROFILE, "semantics.toml", switches);
    let e = dir.open(None).unwrap_err();
    assert!(
        e.contains("semantics.toml: it states switches only: expected release.toml beside it"),
        "{e}"
    );
    // What is not stated may be assumed.
    let k = dir.open(Some("6.12")).unwrap();
    assert_eq!(
        (k.basis, k.semantics.stack.zero_spill),
        (Basis::Assumed, ZeroSpill::StackZero)
    );
    dir.copy(PROFILE, "release.toml", release);
    dir.write("config", config_of("6.18.15"));
    let k = dir.open(None).unwrap();
    assert_eq!(
        (k.basis, k.version, k.limits.used_maps),
        (Basis::Own, (6, 18, 15), 65)
    );
    assert_eq!(k.semantics.stack.zero_spill, ZeroSpill::StackZero);
    assert!(dir.error().ends_with(
        "it states its own rules (release.toml and semantics.toml): no other kernel's can be assumed"
    ));
    dir.copy(PROFILE, "semantics.toml", ("zero-spill =", "zero-spell ="));
    let e = dir.open(None).unwrap_err();
    assert!(
        e.ends_with("semantics.toml: there is no switch 'stack.zero-spell'"),
        "{e}"
    );
    dir.copy(PROFILE, "semantics.toml", same);
    dir.copy(PROFILE, "release.toml", ("limits", "limit"));
    let e = dir.open(None).unwrap_err();
    assert!(
        e.contains("release.toml: ") && e.contains("unknown field `limit`"),
        "{e}"
    );
}
