//! Directories of tests.

use std::fs;
use std::path::PathBuf;

use super::root;

/// Options without which the programs' helpers are not there.
const OPTIONS: [&str; 11] = [
    "BPF_EVENTS",
    "BPF_JIT",
    "BPF_JIT_DEFAULT_ON",
    "CGROUPS",
    "CGROUP_BPF",
    "INET",
    "KALLSYMS_ALL",
    "NET",
    "PERF_EVENTS",
    "SYN_COOKIES",
    "X86_64",
];

/// A directory of the test's own, gone with it.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("verdict-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    /// A file in it, with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A directory in it with the default kernel's types and symbols, and a configuration that names this release.
    pub(crate) fn machine(&self, release: &str) -> String {
        let machine = self.0.join("machine");
        fs::create_dir_all(&machine).unwrap();
        let from = root().join("crates/kernel/profiles/6.12.117-deb12-amd64");
        for file in ["vmlinux.btf.zst", "kallsyms.zst"] {
            fs::copy(from.join(file), machine.join(file)).unwrap();
        }
        let options = OPTIONS.map(|option| format!("CONFIG_{option}=y\n")).concat();
        let config = format!("#\n# Linux/x86 {release} Kernel Configuration\n#\n{options}CONFIG_HZ=250\n");
        self.file("machine/config", &config);
        machine.to_str().unwrap().to_owned()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
