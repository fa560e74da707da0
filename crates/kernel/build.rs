//! Unpacks the kernel profiles that are embedded in the binary, in the form that look-up wants.
//!
//! Doing it here rather than at start-up makes opening a profile free of decompression, sorting and indexing.

use std::io::Read;
use std::path::Path;
use std::{env, fs};

use verdict_btf::Btf;

#[path = "src/sorted.rs"]
#[allow(dead_code, unreachable_pub)]
mod sorted;

const PROFILES: &[&str] = &["6.12.117-deb12-amd64"];

fn unpack(path: &Path) -> Vec<u8> {
    println!("cargo::rerun-if-changed={}", path.display());
    let file = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut out = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(file.as_slice())
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .read_to_end(&mut out)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    out
}

fn main() {
    println!("cargo::rerun-if-changed=src/sorted.rs");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    for profile in PROFILES {
        let from = Path::new(&root).join("profiles").join(profile);
        let to = Path::new(&out).join(profile);
        fs::create_dir_all(&to).expect("OUT_DIR is writable");
        let write = |name: &str, data: &[u8]| fs::write(to.join(name), data).expect("OUT_DIR is writable");
        let btf = unpack(&from.join("vmlinux.btf.zst"));
        write("vmlinux.btf", &btf);
        write(
            "vmlinux.tables",
            &Btf::parse(btf).expect("a kernel's BTF is well-formed").prepare(),
        );
        write("config", &sorted::config(&unpack(&from.join("config.zst"))));
        write("kallsyms", &sorted::kallsyms(&unpack(&from.join("kallsyms.zst"))));
    }
}
