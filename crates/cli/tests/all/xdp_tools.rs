//! `verdict run`: xdp-loader and xdp-filter say on a played kernel what they say on the real one.
//!
//! `golden/RELEASE/xdp-tools.txt.zst` is what `golden/xdp-tools/record.sh` printed there as root.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::scratch::Dir;
use crate::common::{installed, played, recorded, root, search_path};

/// The package that was recorded.
const VERSION: &str = "1.3.1-1";

/// One of its objects, which is loaded by its path.
const FILTER: &str = "/usr/lib/x86_64-linux-gnu/bpf/xdpfilt_alw_all.o";

const KERNELS: usize = 3;

/// What they print on a played kernel.
fn printed(release: &str, place: &Path) -> Option<String> {
    let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"));
    verdict
        .args(["run", "--kernel", release, "--", "sh", "record.sh"])
        .current_dir(place)
        .env("PATH", search_path());
    let output = played(&mut verdict)?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn xdp_tools_say_what_they_say_on_real_kernels() {
    let version = installed("xdp-tools");
    if version.as_deref() != Some(VERSION) {
        eprintln!("skipped: xdp-tools {VERSION} is not installed ({version:?})");
        return;
    }
    // They lock each other out by a file there.
    if fs::write("/run/verdict-xdp-tools", "").is_err() {
        eprintln!("skipped: xdp-tools need to write to /run");
        return;
    }
    fs::remove_file("/run/verdict-xdp-tools").unwrap();
    let place = Dir::new("xdp-tools");
    let own = ["record.sh", "commands"].map(|name| root().join("golden/xdp-tools").join(name));
    let objects = [root().join("corpus/packet_access.bpf.o"), FILTER.into()];
    for file in own.iter().chain(&objects) {
        fs::copy(file, place.0.join(file.file_name().unwrap())).unwrap();
    }
    let mut compared = 0;
    for entry in fs::read_dir(root().join("golden")).unwrap() {
        let directory = entry.unwrap().path();
        let Some(recorded) = recorded(&directory.join("xdp-tools.txt.zst")) else {
            continue;
        };
        let release = directory.file_name().unwrap().to_str().unwrap();
        let Some(printed) = printed(release, &place.0) else {
            return;
        };
        let pairs = recorded.lines().zip(printed.lines()).enumerate();
        let wrong: Vec<_> = pairs.filter(|(_, (kernel, verdict))| kernel != verdict).collect();
        assert!(wrong.is_empty(), "{release}: {wrong:#?}");
        assert_eq!(recorded.lines().count(), printed.lines().count(), "{release}");
        compared += 1;
    }
    assert_eq!(compared, KERNELS);
}
