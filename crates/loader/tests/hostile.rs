//! Damaged objects: an error or a program, never a panic.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use verdict_btf::Btf;
use verdict_kernel::Kernel;
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Broken;
use verdict_loader::{Bpf, Object};

/// Accepts everything.
#[derive(Default)]
struct Anything(u32);

impl Bpf for Anything {
    fn btf_load(&mut self, _btf: &Arc<Btf>) -> Result<(), (Broken, String)> {
        Ok(())
    }
    fn map_create(&mut self, _attr: &MapCreate) -> Result<MapId, Broken> {
        self.0 += 1;
        Ok(MapId(self.0))
    }
    fn map_close(&mut self, _map: MapId) {}
    fn map_update(&mut self, _map: MapId, _key: &[u8], _value: MapValue) -> Result<(), Errno> {
        Ok(())
    }
    fn map_freeze(&mut self, _map: MapId) -> Result<(), Errno> {
        Ok(())
    }
}

/// Opens the object and prepares all of its programs; returns how many it has.
fn load(kernel: &Kernel, bytes: &[u8]) -> usize {
    let Ok(object) = Object::open("hostile.bpf.o", bytes, kernel) else {
        return 0;
    };
    for i in 0..object.program_count() {
        let mut bpf = Anything::default();
        if let Ok(prepared) = object.prepare(i, &mut bpf) {
            let _ = object.finish(&prepared, &mut bpf);
            object.fixup_log(
                &prepared,
                0,
                &mut b"1: (85) call unknown#1\ninvalid func unknown#1\n".to_vec(),
            );
        }
    }
    object.program_count()
}

/// The project's own objects, or those that `VERDICT_OBJECTS` names the directory of.
fn objects() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let dir = std::env::var_os("VERDICT_OBJECTS").map_or(own, PathBuf::from);
    let entries = std::fs::read_dir(dir)
        .expect("a directory")
        .map(|e| e.expect("an entry").path());
    let mut paths: Vec<_> = entries
        .filter(|p| p.extension().is_some_and(|e| e == "o"))
        .collect();
    paths.sort();
    paths
}

/// How much to try, more if `VERDICT_EFFORT` says so.
fn effort() -> usize {
    std::env::var("VERDICT_EFFORT")
        .ok()
        .and_then(|e| e.parse().ok())
        .unwrap_or(1)
}

/// A small generator of numbers (xorshift), the same ones in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

#[test]
fn whole_objects_have_programs() {
    let kernel = Kernel::open("6.12").unwrap();
    let paths = objects();
    assert!(!paths.is_empty());
    for path in paths {
        assert!(
            load(&kernel, &std::fs::read(&path).unwrap()) > 0,
            "{}",
            path.display()
        );
    }
}

#[test]
fn prefixes_of_objects() {
    let kernel = Kernel::open("6.12").unwrap();
    for path in objects() {
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..32 * effort() {
            load(&kernel, &bytes[..bytes.len() * cut / (32 * effort())]);
        }
    }
}

#[test]
fn objects_with_flipped_bytes() {
    let kernel = Kernel::open("6.12").unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for path in objects() {
        let bytes = std::fs::read(&path).unwrap();
        for _ in 0..100 * effort() {
            let mut damaged = bytes.clone();
            for _ in 0..=numbers.next(4) {
                let at = numbers.next(damaged.len());
                damaged[at] = [0, 1, 0x7f, 0x80, 0xff, numbers.next(256) as u8][numbers.next(6)];
            }
            load(&kernel, &damaged);
        }
    }
}
