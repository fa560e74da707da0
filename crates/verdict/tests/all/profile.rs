//! Profiles of the project's own BPF programs: nothing is lost, and reasons are found.

use std::fs;
use std::path::{Path, PathBuf};

use verdict::report::profile::{Cost, Figure, Profile, write_flame_graph, write_folded};
use verdict::{KernelChoice, Options, Verifier};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus")
}

fn verifier() -> Verifier {
    Verifier::new(KernelChoice::default().open().unwrap(), Options::default())
}

fn folded_total(profile: &Profile, figure: Figure) -> u64 {
    let mut out = Vec::new();
    write_folded(&mut out, profile, figure).unwrap();
    let text = String::from_utf8(out).unwrap();
    let values = text
        .lines()
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap());
    values.sum()
}

/// What is counted by place adds up to the figures of the verification, whether it ends well or not.
#[test]
fn places_add_up_to_the_whole() {
    let verifier = verifier();
    let mut profiled = 0;
    for path in verdict::objects_in(&corpus()).unwrap() {
        let bytes = fs::read(&path).unwrap();
        let Ok(object) = verifier.open(&path.to_string_lossy(), &bytes) else {
            continue;
        };
        for program in object.programs() {
            let (name, found) = (program.name(), program.profile());
            let (Some(profile), Some(figures)) = (found.profile, found.record.figures) else {
                continue;
            };
            let total = profile.total();
            let shown = format!("{} {name}", path.display());
            assert_eq!(total.insns, figures.insns, "{shown}");
            assert_eq!(total.states, figures.states, "{shown}");
            assert_eq!(folded_total(&profile, Figure::Insns), figures.insns, "{shown}");
            let sum = |costs: &mut dyn Iterator<Item = Cost>| costs.map(|c| c.insns).sum::<u64>();
            assert_eq!(sum(&mut profile.by_line().iter().map(|l| l.cost)), total.insns);
            assert_eq!(sum(&mut profile.by_function().iter().map(|f| f.own)), total.insns);
            let reasons: u64 = profile.by_reason().iter().map(|r| r.count).sum();
            assert_eq!(reasons, total.misses, "{shown}");
            let mut graph = Vec::new();
            write_flame_graph(&mut graph, &profile, &shown, Figure::Insns).unwrap();
            let graph = String::from_utf8(graph).unwrap();
            assert!(
                graph.contains(&format!("data-total=\"{}\"", figures.insns)),
                "{shown}"
            );
            profiled += 1;
        }
    }
    assert!(profiled > 50, "{profiled} profiles");
}

#[test]
fn the_log_shows_lines_as_often_as_counted() {
    let verifier = verifier();
    let path = corpus().join("iter_num.bpf.o");
    let object = verifier.open("iter_num.bpf.o", &fs::read(path).unwrap()).unwrap();
    for program in object.programs() {
        let mut log = Vec::new();
        program.log(2, &mut log).unwrap();
        let log = String::from_utf8(log).unwrap();
        let lines = log.lines().filter(|line| line.starts_with("; ")).count();
        let profile = program.profile().profile.unwrap();
        let counted: u64 = profile.by_shown().iter().map(|(_, count)| count).sum();
        assert_eq!(counted, lines as u64);
        assert!(counted > 0);
        for (line, count) in profile.by_shown() {
            let text = format!("; {} @ {}", line.text.trim_start(), line.place());
            let shown = log.lines().filter(|l| *l == text).count();
            assert_eq!(count, shown as u64, "{text}");
        }
    }
}

#[test]
fn loops_and_callees_are_found() {
    let verifier = verifier();
    let path = corpus().join("subprog.bpf.o");
    let object = verifier.open("subprog.bpf.o", &fs::read(path).unwrap()).unwrap();
    let callers = object.programs().filter_map(|program| program.profile().profile);
    assert!(
        callers
            .into_iter()
            .any(|p| p.by_function().iter().any(|f| f.total.insns > f.own.insns))
    );
    let path = corpus().join("bounded_loop.bpf.o");
    let object = verifier
        .open("bounded_loop.bpf.o", &fs::read(path).unwrap())
        .unwrap();
    let mut profiles = object.programs().filter_map(|program| program.profile().profile);
    assert!(profiles.any(|p| p.by_loop().iter().any(|l| l.turns > 1)));
}
