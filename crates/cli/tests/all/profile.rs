//! `verdict profile` as a user meets it, and its flame graph in a browser.

use std::fs;
use std::process::Command;

use crate::common::picture::Picture;
use crate::common::{browser, root, run};

/// A program that takes more than a moment, where the larger corpus is at hand.
const LARGE: &str = "../shared/corpus/selftests/strobemeta_nounroll1.bpf.o";

#[test]
fn tables() {
    let (code, text, errors) = run(&["profile", "-p", "nested", "corpus/iter_num.bpf.o"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(text.starts_with("iter_num.bpf.o nested: accepted, "), "{text}");
    for part in ["  Function\n", "  Line ", "loop iter_num.bpf.c:"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_program_has_to_be_chosen() {
    let (code, _, errors) = run(&["profile", "corpus/zero_spill.bpf.o"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("choose one with --program: "), "{errors}");
    let (_, _, errors) = run(&["profile", "-p", "x", "corpus/zero_spill.bpf.o"]);
    assert!(errors.contains("no program x: expected one of "), "{errors}");
}

#[test]
fn folded_stacks_of_a_large_program() {
    if !root().join(LARGE).exists() {
        eprintln!("skipped: {LARGE} is not there");
        return;
    }
    let (_, text, errors) = run(&["profile", "-o", "folded", "-p", "on_event", LARGE]);
    let counts = text
        .lines()
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap());
    assert_eq!(counts.sum::<u64>(), 54_079, "{errors}");
}

/// Opens the flame graph in a browser and looks at the picture: frames where frames belong.
#[test]
fn the_flame_graph_renders_in_a_browser() {
    let Some(browser) = browser::installed() else {
        eprintln!("skipped: no Chromium is installed");
        return;
    };
    let dir = std::env::temp_dir().join(format!("verdict-flame-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let (svg, picture) = (dir.join("flame.svg"), dir.join("flame.png"));
    let object = if root().join(LARGE).exists() {
        LARGE
    } else {
        "corpus/bounded_loop.bpf.o"
    };
    let program = if object == LARGE { "on_event" } else { "nested" };
    let (code, _, errors) = run(&["profile", "--svg", &svg.to_string_lossy(), "-p", program, object]);
    assert_eq!(code, Some(0), "{errors}");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--force-device-scale-factor=1", "--window-size=1240,400"])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", svg.display()))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(picture.exists(), "{words}");
    let picture = Picture::read(&fs::read(&picture).unwrap());
    fs::remove_dir_all(&dir).unwrap();
    // The whole is grey, the program's function orange below it, and its margins are blank.
    assert_eq!(picture.at(600, 62), [220, 220, 220]);
    let [red, green, blue] = picture.at(600, 79);
    assert!(
        red == 240 && (120..160).contains(&green) && (50..90).contains(&blue),
        "{red} {green} {blue}"
    );
    assert_eq!(picture.at(4, 62), [0xfc, 0xfa, 0xf2]);
    let dark = (300..900).flat_map(|x| (10..30).map(move |y| (x, y)));
    assert!(
        dark.into_iter().any(|(x, y)| picture.at(x, y) < [80, 80, 80]),
        "the title is missing"
    );
}
