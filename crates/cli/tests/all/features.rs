//! `verdict run`: what cilium/ebpf and aya find out about a played kernel, load and attach there is what it is on the real one.
//!
//! `golden/RELEASE/features.txt.zst` is what `golden/features/record.sh` printed there as root.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::scratch::Dir;
use crate::common::{played, recorded, root};

const KERNELS: usize = 3;

/// Where a played kernel refuses XDP in the driver beside a program in the network stack, as it does not model the first (95),
/// 6.18 says that there is a program already (17).
const IN_THE_DRIVER: (&str, &str) = ("in the driver: errno 17", "in the driver: errno 95");

#[test]
fn libraries_find_what_they_find_on_real_kernels() {
    let Some(built) = std::env::var_os("FEATURES").map(PathBuf::from) else {
        eprintln!("skipped: FEATURES names no directory with the programs of golden/features");
        return;
    };
    let place = Dir::new("features");
    let files = [
        built.join("go-record"),
        built.join("aya-record"),
        root().join("golden/features/record.sh"),
        root().join("corpus/packet_access.bpf.o"),
    ];
    for file in files {
        fs::copy(&file, place.0.join(file.file_name().unwrap())).unwrap();
    }
    let mut compared = 0;
    for entry in fs::read_dir(root().join("golden")).unwrap() {
        let directory = entry.unwrap().path();
        let Some(recorded) = recorded(&directory.join("features.txt.zst")) else {
            continue;
        };
        let release = directory.file_name().unwrap().to_str().unwrap();
        let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"));
        verdict
            .args(["run", "--kernel", release, "--", "sh", "record.sh"])
            .current_dir(&place.0);
        let Some(output) = played(&mut verdict) else {
            return;
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        let recorded = recorded.replace(IN_THE_DRIVER.0, IN_THE_DRIVER.1);
        let pairs = recorded.lines().zip(printed.lines());
        let wrong: Vec<_> = pairs.filter(|(kernel, verdict)| kernel != verdict).collect();
        assert!(wrong.is_empty(), "{release}: {wrong:#?}");
        assert_eq!(recorded.lines().count(), printed.lines().count(), "{release}");
        compared += 1;
    }
    assert_eq!(compared, KERNELS);
}
