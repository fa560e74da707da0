//! What is not known of a kernel: programs that depend on it are unsupported by its name, and no others.

use std::fs;
use std::path::{Path, PathBuf};

use verdict::kernel::semantics::Provenance;
use verdict::kernel::{Kernel, Unsure};
use verdict::{ChoiceError, KernelChoice, Options, Verifier};
use verdict_report::{Record, Verdict};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What is said of the programs of an object of the corpus, whole or one at a time.
fn said(kernel: Kernel, object: &str, whole: bool) -> Vec<Record> {
    let bytes = fs::read(root().join("corpus").join(object)).unwrap();
    let verifier = Verifier::new(kernel, Options::default());
    let answers: Vec<_> = if whole {
        verifier
            .open_whole(object, &bytes)
            .unwrap()
            .check_whole()
            .programs
    } else {
        let object = verifier.open(object, &bytes).unwrap();
        object.programs().map(|program| program.check()).collect()
    };
    let mut records: Vec<_> = answers.into_iter().map(|answer| answer.record).collect();
    for figures in records.iter_mut().filter_map(|record| record.figures.as_mut()) {
        figures.usec = None;
    }
    records
}

/// A program is unsupported exactly if another value of the switch gives another verdict or other figures.
#[test]
fn programs_that_depend_on_an_unknown_switch_name_it() {
    let kernel = || Kernel::open("6.12").unwrap();
    let ends = |record: &Record| {
        let figures = record.figures.clone().unwrap_or_default();
        (
            record.verdict,
            record.errno,
            figures.insns,
            figures.states,
            figures.peak_states,
        )
    };
    for (switch, other, object) in [
        ("zero-spill", "stack-zero", "zero_spill.bpf.o"),
        ("helper-access", "by-direction", "switch_stack.bpf.o"),
        ("wrapped-sum", "kept", "bounds.bpf.o"),
    ] {
        for whole in [false, true] {
            let known = said(kernel(), object, whole);
            let under_other = kernel().with_switches([(switch, other)]).unwrap();
            let under_other = said(under_other, object, whole);
            let mut unknown = kernel();
            let note = Provenance::Unknown("no value fits".into());
            unknown.evidence = unknown.evidence.with(switch, note);
            let unknown = said(unknown, object, whole);
            let (mut unsupported, mut same) = (0, 0);
            for ((known, other), unknown) in known.iter().zip(&under_other).zip(&unknown) {
                if ends(known) == ends(other) {
                    same += 1;
                    assert_eq!(unknown, known, "{switch} {object}");
                } else {
                    unsupported += 1;
                    assert_eq!(unknown.verdict, Verdict::Unsupported, "{switch} {object}");
                    let why = unknown.unsupported.as_deref().unwrap_or_default();
                    assert!(why.contains(&format!("the switch '{switch}'")), "{why}");
                }
            }
            assert!(unsupported > 0 && same > 0, "{switch}: {unsupported}, {same}");
        }
    }
}

/// What the user has set is known.
#[test]
fn a_chosen_value_is_no_unknown_one() {
    let mut kernel = Kernel::open("6.12").unwrap();
    kernel.evidence = kernel.evidence.with("zero-spill", Provenance::Unknown("".into()));
    let set = kernel
        .clone()
        .with_switches([("zero-spill", "stack-zero")])
        .unwrap();
    let unsupported = |kernel| {
        let records = said(kernel, "zero_spill.bpf.o", false);
        let unsupported = records
            .iter()
            .filter(|record| record.verdict == Verdict::Unsupported);
        unsupported.count()
    };
    assert!(unsupported(kernel) > 0);
    assert_eq!(unsupported(set), 0);
}

/// Facts that no table has: of types, helpers and contexts.
#[test]
fn programs_that_use_an_unknown_fact_name_it() {
    const XDP: u32 = 6;
    let under = |unsure: Unsure| {
        let mut kernel = Kernel::open("6.12").unwrap();
        kernel.unsure = [unsure].into();
        said(kernel, "packet_access.bpf.o", false)
    };
    let known = said(Kernel::open("6.12").unwrap(), "packet_access.bpf.o", false);
    let xdp = Unsure {
        prog_type: XDP,
        ..Unsure::default()
    };
    assert_eq!(under(xdp.clone()), known);
    let why = |records: Vec<Record>| -> Vec<String> {
        records
            .into_iter()
            .filter_map(|record| record.unsupported)
            .collect()
    };
    // All of them read the packet's beginning, and none the queue's number or anything before.
    let reads = |off| {
        why(under(Unsure {
            reads: vec![(off, 4)],
            ..xdp.clone()
        }))
    };
    let data = reads(0);
    assert_eq!(data.len(), known.len());
    assert!(
        data[0].ends_with("to read 4 bytes of the context at 0"),
        "{}",
        data[0]
    );
    assert!(reads(16).is_empty());
    let written = Unsure {
        writes: vec![(0, 4)],
        ..xdp.clone()
    };
    assert!(why(under(written)).is_empty());
    let all = why(under(Unsure { all: true, ..xdp }));
    assert!(all.iter().all(|why| why.ends_with("whether they are loaded")) && all.len() == known.len());
    let helper = Unsure {
        prog_type: XDP,
        helpers: vec![1],
        ..Unsure::default()
    };
    let mut kernel = Kernel::open("6.12").unwrap();
    kernel.unsure = [helper].into();
    let why = why(said(kernel, "loops.bpf.o", false));
    assert!(
        why.iter().all(|why| why.contains("helper 1 bpf_map_lookup_elem")),
        "{why:?}"
    );
}

/// `host` is a directory that is handed over.
#[test]
fn the_running_kernel_is_one_of_a_list() {
    let none = KernelChoice::default().each(&["host"]).unwrap_err();
    assert!(matches!(none, ChoiceError::NoHost), "{none}");
    let choice = KernelChoice {
        host: Some((root().join("crates/kernel/profiles/6.1.192-deb12-amd64"), None)),
        ..KernelChoice::default()
    };
    let both = choice.each(&["6.12", "host,host"]).unwrap();
    let names: Vec<_> = both.iter().map(|choice| choice.open().unwrap().name).collect();
    assert_eq!(names, ["6.12.117-deb12-amd64", "6.1.192-deb12-amd64"]);
    let of_another = KernelChoice {
        dir: Some(root()),
        ..choice
    };
    assert!(matches!(
        of_another.each(&["host"]),
        Err(ChoiceError::SeveralForDirectory)
    ));
}
