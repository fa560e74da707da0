//! `verdict run`: what cilium/ebpf and aya find out about a played kernel, load and attach there is what it is on the real one.
//!
//! `golden/RELEASE/features.txt.zst` is what `golden/features/record.sh` printed there as root.

use std::path::PathBuf;

use crate::common::{root, script};

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
    let files = [
        built.join("go-record"),
        built.join("aya-record"),
        root().join("golden/features/record.sh"),
        root().join("corpus/packet_access.bpf.o"),
    ];
    let place = script::place("features", files);
    let mut compared = 0;
    for (release, recorded) in script::recordings("features") {
        let Some(printed) = script::printed(&release, &place.0, &[]) else {
            return;
        };
        let recorded = recorded.replace(IN_THE_DRIVER.0, IN_THE_DRIVER.1);
        let wrong = script::differences(&recorded, &printed);
        assert!(wrong.is_empty(), "{release}:\n{wrong}");
        compared += 1;
    }
    assert_eq!(compared, KERNELS);
}
