//! The search, over what kernels answered that are no known profiles: `golden/captures`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::LazyLock;

use verdict_capture::{Answer, Settled, objects, read, settle};
use verdict_kernel::helper::helper_name;
use verdict_kernel::semantics::{Provenance, Switch};
use verdict_kernel::{Kernel, SWITCHES};

/// The neighbour whose source was read: the two differ in no rule that the recorded programs show.
const NEIGHBOUR: &str = "6.12.117-deb12-amd64";

static ANSWERS: LazyLock<Vec<Answer>> = LazyLock::new(|| answers_of("6.12.118-deb13-amd64"));

/// What a kernel answered.
fn answers_of(kernel: &str) -> Vec<Answer> {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/captures");
    let file = captures.join(format!("{kernel}.jsonl.gz"));
    read(std::fs::File::open(file).unwrap()).unwrap()
}

/// The neighbour's types and tables with the settings of another kernel.
fn with_settings_of(other: &str) -> Kernel {
    let mut kernel = Kernel::open(NEIGHBOUR).unwrap();
    kernel.semantics = Kernel::open(other).unwrap().semantics;
    kernel
}

fn settled(base: &'static str, answers: &[Answer]) -> Settled {
    settle([(base, with_settings_of(base))], objects(), answers).unwrap()
}

/// The switches whose programs were recorded.
fn recorded() -> impl Iterator<Item = &'static Switch> {
    let has = |switch: &&Switch| {
        let object = format!("{}.bpf.o", switch.corpus);
        ANSWERS.iter().any(|answer| answer.object == object)
    };
    SWITCHES.iter().filter(has)
}

fn probed(settled: &Settled) -> Vec<&'static Switch> {
    let how = |switch: &Switch| settled.kernel.evidence.get(switch.name).unwrap();
    SWITCHES
        .iter()
        .filter(|switch| matches!(how(switch), Provenance::Probed(_)))
        .collect()
}

/// From the settings of another kernel, those are found that the neighbour's source has; and what is called seen is.
#[test]
fn settings_are_found_from_those_of_another_kernel() {
    let own = Kernel::open(NEIGHBOUR).unwrap().semantics;
    // From the first one, the figures of one program are not met.
    for (base, unmet) in [("6.18.15-deb13-amd64", 1), ("6.12.43-deb12-amd64", 0)] {
        let started = with_settings_of(base).semantics;
        let settled = settled(base, &ANSWERS);
        assert_eq!(settled.unexplained, [""; 0], "{base}");
        assert_eq!(settled.counts + unmet, settled.asked, "{base}");
        let probed = probed(&settled);
        for switch in &probed {
            let (found, wanted) = (settled.kernel.semantics.get(switch.name), own.get(switch.name));
            assert_eq!(found, wanted, "{base}: {}", switch.name);
        }
        let changed = probed
            .iter()
            .filter(|switch| started.get(switch.name) != own.get(switch.name));
        assert!(changed.count() >= 3, "{base}: few switches were found");
        let share = recorded().filter(|switch| probed.iter().any(|seen| seen.name == switch.name));
        assert!(share.count() * 10 >= recorded().count() * 7, "{base}: {probed:?}");
    }
}

/// What no value explains is never called seen, and what is asked of nothing is not, either.
#[test]
fn what_was_not_seen_is_not_written_as_seen() {
    let mut answers = ANSWERS.clone();
    for answer in answers
        .iter_mut()
        .filter(|answer| answer.object == "zero_spill.bpf.o")
    {
        answer.log = answer.log.replace("processed ", "processed 7");
    }
    let base = "6.12.117-deb12-amd64";
    let settled = settled(base, &answers);
    let how = |switch| settled.kernel.evidence.get(switch).unwrap();
    assert!(
        matches!(how("zero-spill"), Provenance::Unknown(_)),
        "{}",
        how("zero-spill")
    );
    assert!(
        matches!(how("unknown-spill"), Provenance::Probed(_)),
        "{}",
        how("unknown-spill")
    );
    let nothing = settle([(base, with_settings_of(base))], objects(), &[]).unwrap();
    assert_eq!((probed(&nothing).len(), nothing.asked), (0, 0));
}

/// The last known profile before the kernels of the next test.
const BEFORE: &str = "6.18.15-deb13-amd64";

/// Rules that no known kernel has, or not together, and the values that these kernels' answers show, by the logs. They came
/// between the sources of 6.18.15 and 7.1.13; stable releases have some of them.
const NEWER: [(&str, &[(&str, &str)]); 6] = [
    ("6.16.12-deb13-amd64", &[("peak-states", "most-held")]),
    (
        "6.17.13-deb13-amd64",
        &[
            ("liveness", "marks-and-text"),
            ("link-set", "limited"),
            ("single-value", "unseen"),
        ],
    ),
    (
        "6.18.44",
        &[
            ("link-set", "live"),
            ("constant-link", "signed"),
            ("contradiction", "reported"),
            ("single-value", "known"),
            ("same-register", "by-ranges"),
            ("swapped-bytes", "bits"),
            ("quotient-range", "unknown"),
            ("kfunc-pointers", "all"),
            ("rcu-regions", "once"),
        ],
    ),
    (
        "6.19.14-deb13-amd64",
        &[
            ("link-set", "live"),
            ("constant-link", "kept"),
            ("same-register", "decided"),
            ("callback-loop", "own"),
            ("kfunc-pointers", "flagged"),
            ("rcu-regions", "counted"),
        ],
    ),
    (
        "7.0.13-deb13-amd64",
        &[
            ("link-set", "live"),
            ("linked-sum", "complete"),
            ("same-register", "decided"),
            ("quotient-range", "by-constant"),
            ("callback-loop", "own"),
            ("singular-ids", "cleared"),
            ("widened-links", "ignored"),
            ("shown-links", "told"),
        ],
    ),
    (
        "7.1.13-deb13-amd64",
        &[
            ("contradiction", "dead-branch"),
            ("same-register", "decided"),
            ("swapped-bytes", "bits"),
        ],
    ),
];

/// Settings that no known kernel has are found, two at once where one alone fits worse, and all answers are met.
#[test]
fn rules_of_newer_kernels_are_found() {
    for (name, rules) in NEWER {
        let answers = answers_of(name);
        let settled = settle([(BEFORE, Kernel::open(BEFORE).unwrap())], objects(), &answers).unwrap();
        assert_eq!(settled.unexplained, [""; 0], "{name}");
        assert_eq!(settled.counts, settled.asked, "{name}");
        for (switch, value) in rules {
            assert_eq!(
                settled.kernel.semantics.get(switch),
                Some(*value),
                "{name}: {switch}"
            );
            let how = settled.kernel.evidence.get(switch).unwrap();
            assert!(matches!(how, Provenance::Probed(_)), "{name}: {switch}: {how}");
        }
    }
}

/// Helpers whose prototypes a kernel has as another release than its nearest known one are found, and no others.
#[test]
fn prototypes_of_other_releases_are_found() {
    let answers = answers_of("6.16.12-deb13-amd64");
    let settled = settle([(BEFORE, Kernel::open(BEFORE).unwrap())], objects(), &answers).unwrap();
    let found = settled.kernel.prototypes.iter();
    let found: Vec<_> = found
        .map(|(id, tables)| (helper_name(*id).unwrap(), tables.name))
        .collect();
    assert_eq!(
        found,
        [
            ("bpf_get_stack", "6.12.43"),
            ("bpf_fib_lookup", "6.12.117"),
            ("bpf_read_branch_records", "6.12.117"),
            ("bpf_d_path", "6.12.117"),
            ("bpf_snprintf_btf", "6.12.117"),
            ("bpf_snprintf", "6.12.117"),
            ("bpf_kallsyms_lookup_name", "6.12.117"),
            ("bpf_xdp_store_bytes", "6.12.43"),
        ]
    );
    assert!(settled.kernel.unsure.is_empty());
}
