//! `verdict run`: xdp-loader and xdp-filter say on a played kernel what they say on the real one.
//!
//! `golden/RELEASE/xdp-tools.txt.zst` is what `golden/xdp-tools/record.sh` printed there as root.

use std::fs;

use crate::common::{root, script};

/// The package that was recorded.
const VERSION: &str = "1.3.1-1";

/// One of its objects, which is loaded by its path.
const FILTER: &str = "/usr/lib/x86_64-linux-gnu/bpf/xdpfilt_alw_all.o";

const KERNELS: usize = 3;

#[test]
fn xdp_tools_say_what_they_say_on_real_kernels() {
    if !script::has_package("xdp-tools", VERSION) {
        return;
    }
    // They lock each other out by a file there.
    if fs::write("/run/verdict-xdp-tools", "").is_err() {
        eprintln!("skipped: xdp-tools need to write to /run");
        return;
    }
    fs::remove_file("/run/verdict-xdp-tools").unwrap();
    let own = ["record.sh", "commands"].map(|name| root().join("golden/xdp-tools").join(name));
    let objects = [root().join("corpus/packet_access.bpf.o"), FILTER.into()];
    let place = script::place("xdp-tools", own.into_iter().chain(objects));
    let mut compared = 0;
    for (release, recorded) in script::recordings("xdp-tools") {
        let Some(printed) = script::printed(&release, &place.0, &[]) else {
            return;
        };
        let wrong = script::differences(&recorded, &printed);
        assert!(wrong.is_empty(), "{release}:\n{wrong}");
        compared += 1;
    }
    assert_eq!(compared, KERNELS);
}
