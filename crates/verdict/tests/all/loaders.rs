//! Objects for other libraries than libbpf.

use std::fs;
use std::path::Path;

use verdict::report::Verdict;
use verdict::{KernelChoice, Loader, Options, Verifier};

fn verifier(loader: Loader) -> Verifier {
    let kernel = KernelChoice::default().open().unwrap();
    Verifier::new(kernel, Options::default()).with_loader(loader)
}

fn object() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/objects/other_loaders.bpf.o");
    fs::read(path).unwrap()
}

#[test]
fn libbpf_refuses_what_is_not_its_own() {
    let verifier = verifier(Loader::Libbpf);
    let error = verifier.open("other_loaders.bpf.o", &object()).unwrap_err();
    assert!(
        error.messages[0].ends_with("program 'entry' is static and not supported"),
        "{error}"
    );
}

#[test]
fn other_loaders_have_words_of_their_own() {
    // A static program is no matter to them, but the definition of a map goes on behind what cilium/ebpf knows, and aya
    // knows no such section.
    let cilium = verifier(Loader::Cilium);
    let opened = cilium.open("other_loaders.bpf.o", &object()).unwrap();
    let names: Vec<_> = opened.programs().map(|program| program.name()).collect();
    assert_eq!(names, ["entry", "wrong"]);
    let record = opened.programs().next().unwrap().check().record;
    assert_eq!(record.verdict, Verdict::Failure);
    assert_eq!(
        record.libbpf.unwrap(),
        "cilium/ebpf: map other: extra contains unhandled non-zero bytes, drain before creating map\n"
    );
    let error = verifier(Loader::Aya)
        .open("other_loaders.bpf.o", &object())
        .unwrap_err();
    assert_eq!(
        error.messages.concat(),
        "aya: error parsing BPF object: invalid program section `tc/entry`"
    );
}

#[test]
fn instructions_as_bpftool_lists_them() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/objects");
    let verifier = verifier(Loader::Libbpf);
    let bytes = fs::read(dir.join("listing.bpf.o")).unwrap();
    let object = verifier.open("listing.bpf.o", &bytes).unwrap();
    let mut listing = Vec::new();
    assert_eq!(
        object
            .programs()
            .next()
            .unwrap()
            .write_insns(&mut listing)
            .unwrap(),
        Ok(())
    );
    // The kernel's number of a map and its name for compiled code are not known here.
    let named = |line: &str| match (line.find("map[id:"), line.find("#bpf_prog_")) {
        (Some(at), _) => {
            let rest = line[at..].split_once(']').unwrap().1;
            format!("{}map[name:listing.bss]{rest}", &line[..at])
        }
        (None, Some(at)) => line[..at].to_owned(),
        (None, None) => line.to_owned(),
    };
    let bpftool = fs::read_to_string(dir.join("listing.xlated")).unwrap();
    let expected: Vec<_> = bpftool.lines().map(named).collect();
    let listing = String::from_utf8(listing).unwrap();
    assert_eq!(listing.lines().collect::<Vec<_>>(), expected);
}
