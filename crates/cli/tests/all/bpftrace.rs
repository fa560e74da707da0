//! `verdict run`: one-liners of bpftrace load and attach on a played kernel, or fail there, as on the real one, and bpftrace lists
//! what it lists there.
//!
//! `golden/RELEASE/bpftrace.txt.zst` is what `golden/bpftrace/record.sh` printed there as root.

use crate::common::{root, script};

/// The package that was recorded.
const VERSION: &str = "0.17.0-1";

/// How many command lines there are, and on how many kernels they were recorded.
const COMMANDS: usize = 41;
const KERNELS: usize = 3;

/// What a played kernel says otherwise: it runs no program (`PROG_TEST_RUN`), and does not look at what is written to
/// `kprobe_events`, which 6.1 refuses by another errno when there is no such function.
const OTHERWISE: &[(&str, &str)] = &[
    ("2>   raw_tp_special: yes", "2>   raw_tp_special: no"),
    (
        "2> cannot attach kprobe, probe entry may not exist",
        "2> cannot attach kprobe, Invalid argument",
    ),
];

/// What was printed by each command line.
fn commands(text: &str) -> Vec<String> {
    script::by_command(text, |line| {
        let otherwise = OTHERWISE.iter().find(|(kernel, _)| *kernel == line);
        otherwise.map_or(line, |(_, played)| played).to_owned()
    })
}

#[test]
fn bpftrace_comes_to_what_it_comes_to_on_real_kernels() {
    if !script::has_package("bpftrace", VERSION) {
        return;
    }
    let files = ["record.sh", "commands"].map(|name| root().join("golden/bpftrace").join(name));
    let place = script::place("bpftrace", files);
    let all = script::recordings("bpftrace");
    let Some(printed) = script::printed_on_all(&all, &place.0, &[]) else {
        return;
    };
    for ((release, recorded), printed) in all.iter().zip(&printed) {
        let (recorded, printed) = (commands(recorded), commands(printed));
        assert_eq!((recorded.len(), printed.len()), (COMMANDS, COMMANDS), "{release}");
        let pairs = recorded.iter().zip(&printed);
        let wrong: String = pairs
            .filter(|(recorded, printed)| recorded != printed)
            .map(|(recorded, printed)| script::differences(recorded, printed))
            .collect();
        assert!(wrong.is_empty(), "{release}:\n{wrong}");
    }
    assert_eq!(all.len(), KERNELS);
}
