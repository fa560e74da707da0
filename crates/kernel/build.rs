//! Embeds the kernel profiles: all directories below `profiles`.
//!
//! Configurations and symbols are unpacked and sorted here rather than at start-up, and so is the default kernel's BTF,
//! with its index: opening it is free of all that. The BTF of the others is embedded as it is.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "files are there where the library is built"
)]

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
#[path = "src/symbols/make.rs"]
mod symbols;

fn load(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A profile's file, unpacked.
fn unpack(dir: &Path, name: &str) -> Vec<u8> {
    let packed = dir.join(format!("{name}.zst"));
    let mut out = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(load(&packed).as_slice())
        .unwrap_or_else(|e| panic!("{}: {e}", packed.display()))
        .read_to_end(&mut out)
        .unwrap_or_else(|e| panic!("{}: {e}", packed.display()));
    out
}

/// Embeds what is made here, as an expression.
fn include(dir: &Path, name: &str, data: &[u8]) -> String {
    fs::create_dir_all(dir).expect("OUT_DIR is writable");
    let path = dir.join(name);
    fs::write(&path, data).expect("OUT_DIR is writable");
    format!("include_bytes!({path:?})")
}

/// A profile's types, as an expression.
fn types(from: &Path, to: &Path, ready: bool) -> String {
    if !ready {
        return format!("Types::Packed(include_bytes!({:?}))", from.join("vmlinux.btf.gz"));
    }
    let btf = unpack(from, "vmlinux.btf");
    let file = include(to, "vmlinux.btf", &btf);
    let tables = Btf::parse(btf).expect("a kernel's BTF is well-formed").prepare();
    format!(
        "Types::Ready {{ btf: {file}, tables: {} }}",
        include(to, "vmlinux.tables", &tables)
    )
}

/// The symbols of all profiles, as an item.
fn all_symbols(dirs: &[&Path], out: &Path) -> String {
    let texts: Vec<_> = dirs.iter().map(|dir| unpack(dir, "kallsyms")).collect();
    let list = |text| {
        let symbols = sorted::symbols(text).into_iter();
        symbols
            .map(|(name, kind, module)| (name, (kind, module)))
            .collect()
    };
    let made = symbols::table(&texts.iter().map(|text| list(text)).collect::<Vec<_>>());
    format!(
        "pub(super) static SYMBOLS: Symbols = Symbols {{ names: {}, blocks: {}, records: {}, record_at: {} }};\n",
        include(out, "symbols", &made.names),
        include(out, "symbols.blocks", &made.blocks),
        include(out, "symbols.records", &made.records),
        include(out, "symbols.places", &made.record_at),
    )
}

/// A profile as an element of `KNOWN`.
fn known(place: usize, dir: &Path, release: &read::Release, out: &Path) -> String {
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
    let out = out.join(&release.name);
    let types = types(dir, &out, release.default);
    let config = include(&out, "config", &sorted::config(&unpack(dir, "config")));
    let read::Release {
        name,
        aliases,
        doc,
        version,
        banner,
        default: _,
        tables,
        missing,
        prototypes: _,
        unsure: _,
        limits,
        machine,
    } = release;
    format!(
        "Known {{ name: {name:?}, aliases: &{aliases:?}, doc: {doc:?}, version: {version:?}, banner: {banner:?}, tables: {tables:?}, \
         missing: &{missing:?}, \
         limits: {limits:?}, machine: {machine:?}, semantics: &[{semantics}], \
         place: {place}, types: {types}, config: {config} }},\n"
    )
}

fn main() {
    println!("cargo::rerun-if-changed=src/sorted.rs");
    println!("cargo::rerun-if-changed=src/limits.rs");
    println!("cargo::rerun-if-changed=src/symbols/make.rs");
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
    let list = profiles.iter().enumerate();
    let list: String = list
        .map(|(place, (dir, release))| known(place, dir, release, &out))
        .collect();
    let dirs: Vec<_> = profiles.iter().map(|(dir, _)| dir.as_path()).collect();
    let symbols = all_symbols(&dirs, &out);
    let text = format!(
        "/// The kernels that are known: the default one, then the others from the oldest to the newest.\n\
         pub static KNOWN: &[Known] = &[\n{list}];\n\
         /// Their symbols, by their places in that list.\n{symbols}"
    );
    fs::write(out.join("known.rs"), text).expect("OUT_DIR is writable");
}
