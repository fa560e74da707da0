//! Embeds the kernel profiles: all directories below `profiles`.
//!
//! The default kernel's BTF, configuration and symbols are unpacked, sorted and indexed here rather than at
//! start-up, so that opening it is free of all that. The others are embedded as they are.

use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{env, fs};

use verdict_btf::Btf;

#[path = "src/limits.rs"]
#[allow(dead_code, unreachable_pub)]
mod limits;
#[path = "src/profile/read.rs"]
#[allow(dead_code, unreachable_pub)]
mod read;
#[path = "src/sorted.rs"]
#[allow(dead_code, unreachable_pub)]
mod sorted;

fn load(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn unpack(path: &Path) -> Vec<u8> {
    let file = load(path);
    let mut out = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(file.as_slice())
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .read_to_end(&mut out)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    out
}

/// The default profile's large files in the form that look-up wants, as an expression.
fn ready(from: &Path, to: &Path) -> String {
    fs::create_dir_all(to).expect("OUT_DIR is writable");
    let include = |name: &str, data: &[u8]| {
        let path = to.join(name);
        fs::write(&path, data).expect("OUT_DIR is writable");
        format!("include_bytes!({path:?})")
    };
    let btf = unpack(&from.join("vmlinux.btf.zst"));
    let btf_file = include("vmlinux.btf", &btf);
    let tables = Btf::parse(btf).expect("a kernel's BTF is well-formed").prepare();
    format!(
        "Files::Ready {{ btf: {btf_file}, btf_tables: {}, config: {}, kallsyms: {} }}",
        include("vmlinux.tables", &tables),
        include("config", &sorted::config(&unpack(&from.join("config.zst")))),
        include("kallsyms", &sorted::kallsyms(&unpack(&from.join("kallsyms.zst")))),
    )
}

/// Another profile's large files, as an expression.
fn packed(from: &Path) -> String {
    let include = |name: &str| format!("include_bytes!({:?})", from.join(name));
    format!(
        "Files::Packed {{ btf: {}, config: {}, kallsyms: {} }}",
        include("vmlinux.btf.zst"),
        include("config.zst"),
        include("kallsyms.zst"),
    )
}

/// A profile as an element of `KNOWN`.
fn known(dir: &Path, release: &read::Release, out: &Path) -> String {
    let text = load(&dir.join("semantics.toml"));
    let rows = read::semantics(&text).unwrap_or_else(|e| panic!("{}/semantics.toml: {e}", dir.display()));
    let mut semantics = String::new();
    for row in rows {
        let (family, switch, is, note) = (&row.family, &row.switch, &row.is, &row.note);
        write!(
            semantics,
            "Row {{ family: Cow::Borrowed({family:?}), switch: Cow::Borrowed({switch:?}), \
             is: Cow::Borrowed({is:?}), how: How::{:?}, note: Cow::Borrowed({note:?}) }},",
            row.how
        )
        .expect("a string takes it");
    }
    let files = if release.default {
        ready(dir, &out.join(&release.name))
    } else {
        packed(dir)
    };
    let read::Release {
        name,
        aliases,
        doc,
        version,
        default: _,
        tables,
        missing,
        limits,
        machine,
    } = release;
    format!(
        "Known {{ name: {name:?}, aliases: &{aliases:?}, doc: {doc:?}, version: {version:?}, tables: {tables:?}, \
         missing: &{missing:?}, \
         limits: {limits:?}, machine: {machine:?}, semantics: &[{semantics}], files: {files} }},\n"
    )
}

fn main() {
    println!("cargo::rerun-if-changed=src/sorted.rs");
    println!("cargo::rerun-if-changed=src/limits.rs");
    println!("cargo::rerun-if-changed=src/profile/read.rs");
    println!("cargo::rerun-if-changed=profiles");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    let entries = fs::read_dir(root.join("profiles")).expect("the profiles are there");
    let mut profiles: Vec<_> = entries
        .map(|entry| {
            let dir = entry.expect("the directory is readable").path();
            let release = read::release(&load(&dir.join("release.toml")))
                .unwrap_or_else(|e| panic!("{}/release.toml: {e}", dir.display()));
            (dir, release)
        })
        .collect();
    profiles.sort_by_key(|(_, release)| (!release.default, release.version));
    let list: String = profiles
        .iter()
        .map(|(dir, release)| known(dir, release, &out))
        .collect();
    let text = format!(
        "/// The kernels that are known: the default one, then the others from the oldest to the newest.\n\
         pub static KNOWN: &[Known] = &[\n{list}];\n"
    );
    fs::write(out.join("known.rs"), text).expect("OUT_DIR is writable");
}
