//! Explanations of programs that people were stuck on, and of the whole corpus: what they must name, and that what they
//! call verified is accepted.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use verdict::kernel::errno::Errno;
use verdict::report::explanation::{Change, Explanation, Tried};
use verdict::report::{CheckEntry, Look, write_entry};
use verdict::{Answer, Explaining, KernelChoice, OpenObject, Options, Program, Verifier};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn verifier() -> Verifier {
    Verifier::new(KernelChoice::default().open().unwrap(), Options::default()).explaining(Explaining::TRIALS)
}

/// What `verdict check` prints.
fn text(answer: &Answer) -> String {
    let errno_name = Errno(answer.record.errno).to_string();
    let entry = CheckEntry {
        record: &answer.record,
        errno_name: &errno_name,
        place: answer.place.as_ref(),
        refusal: answer.refusal.as_ref(),
    };
    let mut out = Vec::new();
    write_entry(&mut out, &entry, Look::PLAIN).unwrap();
    String::from_utf8(out).unwrap()
}

fn explanation(answer: &Answer) -> &Explanation {
    answer.refusal.as_ref().unwrap().explanation.as_deref().unwrap()
}

/// The rows of `scores.tsv`.
fn cases() -> Vec<Vec<String>> {
    let table = fs::read_to_string(root().join("corpus/reports/scores.tsv")).unwrap();
    let rows = table.lines().skip(1);
    rows.map(|row| row.split('\t').map(ToOwned::to_owned).collect())
        .collect()
}

fn only<'o, 'v>(object: &'o OpenObject<'v>) -> Program<'o, 'v> {
    object.programs().next().unwrap()
}

#[test]
fn every_report_is_explained() {
    let verifier = verifier();
    for case in cases() {
        let [name, rule, line, value, remedy, score, _why] = case.as_slice() else {
            panic!("{case:?}");
        };
        let dir = root().join("corpus/reports").join(name);
        let bytes = fs::read(dir.join("bad.o")).unwrap();
        let object = verifier.open("bad.o", &bytes).unwrap();
        let answer = only(&object).check();
        let shown = text(&answer);
        let explained = explanation(&answer);
        assert_eq!(explained.rule.code(), rule, "{name}");
        let line: u32 = line.parse().unwrap();
        let labels = explained.primary.iter().map(|label| &label.site);
        let sites = labels.chain(explained.causes.iter().map(|cause| &cause.site));
        let named = sites
            .filter_map(|site| site.source.as_ref())
            .any(|source| source.line == line);
        assert!(named, "{name}: no word of line {line}\n{shown}");
        assert!(
            shown.contains(value.as_str()),
            "{name}: no word of {value}\n{shown}"
        );
        assert!(
            shown.contains(remedy.as_str()),
            "{name}: no word of {remedy}\n{shown}"
        );
        assert!(shown.lines().count() < 20, "{name}: too long\n{shown}");
        assert!((0..=3).contains(&score.parse::<i32>().unwrap()));
        insta::assert_snapshot!(name.as_str(), shown);

        let bytes = fs::read(dir.join("good.o")).unwrap();
        let object = verifier.open("good.o", &bytes).unwrap();
        let answer = only(&object).check();
        assert!(answer.refusal.is_none(), "{name}: {}", text(&answer));
    }
}

/// The remedies of an explanation that are called verified, taken from its JSON.
fn verified(explanation: &Explanation) -> Vec<Vec<Change>> {
    let json: Value = serde_json::from_str(&serde_json::to_string(explanation).unwrap()).unwrap();
    let remedies = json["remedies"].as_array().unwrap();
    let verified = remedies.iter().filter(|remedy| remedy["tried"] == "verified");
    verified
        .map(|remedy| serde_json::from_value(remedy["changes"].clone()).unwrap())
        .collect()
}

/// Applies what is called verified to each program of an object; counts rejections and verified remedies.
fn apply(object: &OpenObject<'_>, name: &str) -> (usize, usize) {
    let (mut rejections, mut remedies) = (0, 0);
    for handle in object.programs() {
        let (program, answer) = (handle.name(), handle.check());
        let Some(refusal) = &answer.refusal else { continue };
        rejections += 1;
        for changes in verified(refusal.explanation.as_deref().unwrap()) {
            assert!(!changes.is_empty(), "{name} {program}: nothing is changed");
            assert!(!handle.accepts_with(&[]), "{name} {program} is accepted as it is");
            assert!(
                handle.accepts_with(&changes),
                "{name} {program} is rejected with {changes:?}\n{}",
                text(&answer)
            );
            remedies += 1;
        }
    }
    (rejections, remedies)
}

#[test]
fn what_is_called_verified_is_accepted() {
    let verifier = verifier();
    let (mut rejections, mut remedies) = (0, 0);
    for path in verdict::objects_in(&root().join("corpus")).unwrap() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(object) = verifier.open(&name, &fs::read(&path).unwrap()) else {
            continue;
        };
        let (rejected, verified) = apply(&object, &name);
        rejections += rejected;
        remedies += verified;
    }
    assert!(rejections > 300, "{rejections} rejections");
    assert!(
        remedies > 100,
        "{remedies} verified remedies of {rejections} rejections"
    );
}

#[test]
fn accepted_programs_have_nothing_to_explain() {
    let verifier = verifier();
    let bytes = fs::read(root().join("corpus/bounded_loop.bpf.o")).unwrap();
    let object = verifier.open("bounded_loop.bpf.o", &bytes).unwrap();
    for program in object.programs() {
        let answer = program.check();
        let accepted = answer.record.verdict == verdict::report::Verdict::Success;
        assert_eq!(accepted, answer.refusal.is_none());
    }
}

#[test]
fn without_trials_nothing_is_called_verified() {
    let kernel = KernelChoice::default().open().unwrap();
    let verifier = Verifier::new(kernel, Options::default()).explaining(Explaining::Causes);
    let bytes = fs::read(root().join("corpus/packet_access.bpf.o")).unwrap();
    let object = verifier.open("packet_access.bpf.o", &bytes).unwrap();
    let answer = object.program("off_by_one").unwrap().check();
    let explained = explanation(&answer);
    assert!(explained.has_cause());
    assert!(
        explained
            .remedies
            .iter()
            .all(|remedy| remedy.tried == Tried::Untried)
    );
}
