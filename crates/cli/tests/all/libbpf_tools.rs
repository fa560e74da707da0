//! `verdict run`: the tools of libbpf-tools load and attach on a played kernel, or fail there, as on the real one.
//!
//! `golden/RELEASE/libbpf-tools.txt.zst` is what `golden/libbpf-tools/record.sh` printed there as root.

use crate::common::{root, script};

/// The package whose tools were recorded.
const VERSION: &str = "0.26.0+ds-1";

/// How many commands there are, and on how many kernels they were recorded.
const COMMANDS: usize = 57;
const KERNELS: usize = 3;

/// What was printed by each command, without addresses and the time of the day.
fn commands(text: &str) -> Vec<String> {
    script::by_command(text, |line| {
        match (line.split_once("= 0xff"), line.split_once(" loadavg")) {
            (Some((before, rest)), _) => format!("{before}= ADDRESS{}", rest.get(14..).unwrap_or_default()),
            (_, Some(_)) => "loadavg".to_owned(),
            _ => line.to_owned(),
        }
    })
}

#[test]
fn libbpf_tools_come_to_what_they_come_to_on_real_kernels() {
    if !script::has_package("libbpf-tools", VERSION) {
        return;
    }
    let files = ["record.sh", "tools"].map(|name| root().join("golden/libbpf-tools").join(name));
    let place = script::place("libbpf-tools", files);
    let all = script::recordings("libbpf-tools");
    // However long the machine takes.
    let Some(printed) = script::printed_on_all(&all, &place.0, &[("ROUNDS", "400")]) else {
        return;
    };
    for ((release, recorded), printed) in all.iter().zip(&printed) {
        let (recorded, printed) = (commands(recorded), commands(printed));
        assert_eq!((recorded.len(), printed.len()), (COMMANDS, COMMANDS), "{release}");
        let pairs = recorded.iter().zip(&printed);
        let wrong: Vec<_> = pairs.filter(|(recorded, printed)| recorded != printed).collect();
        assert!(wrong.is_empty(), "{release}: {wrong:#?}");
    }
    assert_eq!(all.len(), KERNELS);
}
