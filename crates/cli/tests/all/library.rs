//! The example of the guide's chapter about the library; `tests/readme` compares the two.

use std::error::Error;

use verdict::{KernelChoice, Options, Verifier};

/// Which programs of an object a kernel rejects, and by which rule.
fn rejected(file: &str, kernel: &str) -> Result<Vec<(String, &'static str)>, Box<dyn Error>> {
    let choice = KernelChoice {
        name: Some(kernel.to_owned()),
        ..KernelChoice::default()
    };
    let verifier = Verifier::new(choice.open()?, Options::default());
    let object = verifier.open(file, &std::fs::read(file)?)?;
    let mut found = Vec::new();
    for program in object.programs() {
        if let Some(refusal) = program.check().refusal {
            found.push((program.name().to_owned(), refusal.rule.code()));
        }
    }
    Ok(found)
}

#[test]
fn the_example_does_what_it_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/packet_access.bpf.o");
    let found = rejected(file, "6.12").unwrap();
    let expected = [("unchecked", "V0201"), ("off_by_one", "V0201")];
    assert_eq!(found, expected.map(|(program, rule)| (program.to_owned(), rule)));
    assert!(rejected("nowhere.bpf.o", "6.12").is_err());
    assert!(rejected(file, "1.0").is_err());
}
