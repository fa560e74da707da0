//! Embeds the programs that kernels are asked about: the objects of the corpus, packed together, as they have much in common.

use std::io::Write;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    println!("cargo::rerun-if-changed=corpus");
    let corpus = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("corpus");
    let entries = fs::read_dir(&corpus).expect("the corpus is there");
    let paths = entries.map(|entry| entry.expect("the corpus can be read").path());
    let mut objects: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(".bpf.o"))
        .collect();
    objects.sort();
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for path in &objects {
        let name = path.file_name().expect("it was listed").to_string_lossy();
        let bytes = fs::read(path).expect("the corpus can be read");
        writeln!(packed, "{name} {}", bytes.len()).expect("a vector takes all");
        packed.write_all(&bytes).expect("a vector takes all");
    }
    let to = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("objects.gz");
    fs::write(to, packed.finish().expect("a vector takes all")).expect("OUT_DIR is writable");
}
