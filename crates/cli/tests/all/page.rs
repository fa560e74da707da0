//! `check --html` and `log --html` in a browser: with clicks and keys, light and dark, of many steps, of hostile objects.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use verdict::page::Limits;

use crate::common::browser::Browser;
use crate::common::{root, run};

/// A program of many steps, where the larger corpus is at hand.
const LARGE: &str = "../shared/corpus/selftests/strobemeta_nounroll1.bpf.o";

/// A directory for what a test writes, gone when it ends.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("verdict-page-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The data of a page, by the name of its element.
fn data(page: &Path, name: &str) -> Value {
    let page = fs::read_to_string(page).unwrap();
    let start = format!(r#"<script type="application/json" id="{name}">"#);
    let (_, rest) = page.split_once(&start).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn check_writes_a_page_beside_its_words() {
    let dir = Dir::new("check");
    let page = dir.file("page.html");
    let plain = run(&["check", "corpus/packet_access.bpf.o", "corpus/zero_spill.bpf.o"]);
    let shown = page.to_string_lossy().into_owned();
    let with = run(&[
        "check",
        "--html",
        &shown,
        "corpus/packet_access.bpf.o",
        "corpus/zero_spill.bpf.o",
    ]);
    assert_eq!(plain, with);
    let index = data(&page, "index");
    let rows = index["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 7);
    let outcome = |row: &Value| row["cells"][0]["outcome"].as_str().unwrap().to_owned();
    let refused: Vec<_> = rows.iter().filter(|row| outcome(row) == "refused").collect();
    assert_eq!(refused.len(), 3);
    for row in refused {
        let sheet = data(&page, &format!("sheet-{}", row["cells"][0]["sheet"]));
        assert_eq!(sheet["object"], row["object"]);
        assert_eq!(sheet["walk"]["path"], true);
        assert!(sheet["explanation"]["primary"]["site"]["text"].is_string());
        assert!(index["rules"][sheet["cell"]["rule"].as_str().unwrap()]["sentence"].is_string());
    }
    let code = run(&[
        "check",
        "--html",
        "/nowhere/page.html",
        "corpus/packet_access.bpf.o",
    ]);
    assert_eq!(code.0, Some(1));
    assert!(code.2.contains("/nowhere/page.html: "), "{}", code.2);
}

#[test]
fn a_refusal_in_a_browser() {
    let dir = Dir::new("refusal");
    let page = dir.file("page.html");
    let arguments = [
        "check",
        "--kernel",
        "6.12,6.18",
        "--html",
        &page.to_string_lossy(),
        "corpus/packet_access.bpf.o",
    ];
    run(&arguments);
    let Some(mut browser) = Browser::start("refusal") else {
        return;
    };
    let asked = browser.open(&page);
    assert_eq!(asked.len(), 1, "only the page itself is asked for: {asked:?}");
    // The table: four programs, two kernels, two refusals each.
    assert_eq!(
        browser.eval("document.querySelectorAll('.program:not(.head)').length"),
        4
    );
    assert_eq!(
        browser.eval("document.querySelectorAll('button.cell.refused').length"),
        4
    );
    assert!(browser.text(".summary").contains("2 accepted 2 refused"));
    // Down to the last program, and into it.
    for key in ["j", "j", "j", "Enter"] {
        browser.key(key);
    }
    browser.wait_for("!document.getElementById('sheet').hidden");
    let crumbs = browser.text("#crumbs");
    for part in ["packet_access.bpf.o off_by_one", "6.12.117", "refused V0201"] {
        assert!(crumbs.contains(part), "{part}: {crumbs}");
    }
    let why = browser.text(".why");
    for part in [
        "packet-bounds",
        "1 byte at offset 12, of bytes 0 to 11",
        "proves 12 bytes of the packet; the access needs 13",
        "&packet[12] + 1 <= data_end",
        "verified",
        "R2 offset is outside of the packet",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    // The last step is chosen: where it failed. Its register has the value that the kernel's words are about.
    assert_eq!(browser.text(".state h2"), "Step 6");
    assert!(
        browser
            .text(".state tr[data-place=r2]")
            .contains("pkt(off=12,r=12)")
    );
    assert!(
        browser
            .text(".steps .row.chosen")
            .contains("(71) r0 = *(u8 *)(r2 +0)")
    );
    assert!(
        browser
            .text(".listing .row.chosen")
            .contains("return packet[12];")
    );
    // Whence the value is: written by one step, narrowed by another.
    browser.hover(".state tr[data-place=r2]");
    browser.wait_for("!document.getElementById('tip').hidden");
    let tip = browser.text("#tip");
    for part in [
        "r2 = pkt(off=12,r=12)",
        "written by step 3:",
        "(07) r2 += 12",
        "as it is now since step 5:",
        "packet_access.bpf.c:47",
    ] {
        assert!(tip.contains(part), "{part}: {tip}");
    }
    browser.click(".state tr[data-place=r2] .from button");
    assert_eq!(browser.text(".state h2"), "Step 5");
    // What a step changes stands beside what was.
    assert_eq!(
        browser.text(".state tr[data-place=r2] .new"),
        "→\u{a0}pkt(off=12,r=12)"
    );
    for (key, step) in [
        ("k", "4"),
        ("ArrowUp", "3"),
        ("j", "4"),
        ("g", "1"),
        ("G", "6"),
        ("Home", "1"),
        ("b", "6"),
    ] {
        browser.key(key);
        assert_eq!(browser.text(".state h2"), format!("Step {step}"), "{key}");
    }
    // A cause leads to its step, a step to itself, a source line to the step at it.
    browser.click(".site.cause .where");
    assert_eq!(browser.text(".state h2"), "Step 5");
    browser.click(".steps .row.step[data-step='2']");
    assert_eq!(browser.text(".state h2"), "Step 2");
    browser.eval("[...document.querySelectorAll('.code .row')].find(r => r.textContent.includes('return packet')).id = 'line'");
    browser.click("#line");
    assert_eq!(browser.text(".state h2"), "Step 6");
    // A search.
    browser.key("/");
    for key in ["g", "o", "t", "o"] {
        browser.key(key);
    }
    assert_eq!(browser.text("#matches"), "1");
    browser.key("Enter");
    assert_eq!(browser.text("#matches"), "1/1");
    assert_eq!(browser.text(".state h2"), "Step 5");
    browser.key("Escape");
    browser.key("s");
    assert!(
        browser
            .text(".listing .rows:not([hidden]) .row.chosen")
            .contains("(2d) if r2 > r1")
    );
    // The flame graph, help, and back to the table.
    browser.key("c");
    browser.wait_for("document.querySelector('.cost iframe')");
    browser.wait_for("!document.querySelector('.cost').hidden && document.querySelector('.panes').hidden");
    let function =
        |[red, green, blue]: [u8; 3]| red == 240 && (120..160).contains(&green) && (50..90).contains(&blue);
    let seen = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        browser.picture().any(function)
    });
    assert!(seen, "the function's frame in the flame graph");
    browser.key("Escape");
    browser.key("?");
    assert_eq!(browser.eval("document.getElementById('help').open"), true);
    browser.key("?");
    assert_eq!(browser.eval("document.getElementById('help').open"), false);
    browser.key("Escape");
    browser.wait_for("!document.getElementById('overview').hidden");
    // The other kernel's, with the pointer.
    browser.click(".program:nth-of-type(3) button.cell:last-child");
    browser.wait_for("document.getElementById('crumbs').textContent.includes('unchecked')");
    assert!(browser.text("#crumbs .on").starts_with("6.18"));
    browser.click("#crumbs .kernels button");
    browser.wait_for("document.querySelector('#crumbs .on').textContent.startsWith('6.12')");
    // Who leaves while the address of a step is still due has left.
    browser.eval(
        "(() => {
            setTimeout(App.escape, 200);
            App.move(-1);
            const due = performance.now() + 300;
            while (performance.now() < due);
        })()",
    );
    browser.wait_for("!document.getElementById('overview').hidden");
}

#[test]
fn light_and_dark() {
    let dir = Dir::new("dark");
    let page = dir.file("page.html");
    run(&[
        "check",
        "--html",
        &page.to_string_lossy(),
        "corpus/packet_access.bpf.o",
    ]);
    let Some(mut browser) = Browser::start("dark") else {
        return;
    };
    browser.open(&page);
    let ground = "getComputedStyle(document.body).backgroundColor";
    for (scheme, colour) in [("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 24, 29)")] {
        browser.prefer(scheme);
        assert_eq!(browser.eval(ground), colour);
    }
    // The toggle wins: light while the system is dark.
    browser.key("t");
    assert_eq!(browser.eval(ground), "rgb(255, 255, 255)");
    browser.prefer("light");
    browser.click("#theme");
    assert_eq!(browser.eval(ground), "rgb(21, 24, 29)");
}

/// The states that the page rebuilds, in the words of the log: what holds where a path begins.
const STATES: &str = "(() => {
    const { walk } = App.view, out = [];
    for (const row of walk.starts) {
        const state = walk.stateAt(row), frame = walk.frame[row];
        const held = (walk.ofFrame[frame] ?? []).filter(place => state.text[place] && walk.places[place].at < HELD);
        out.push([walk.insn[row], held.map(place => ' ' + walk.placeName(place).replace('r', 'R') + '=' + walk.texts[state.text[place]]).join('')]);
    }
    return out;
})()";

/// The same of a log of level 2.
fn paths_of_log(log: &str) -> Vec<(u64, String)> {
    let path = |line: &str| {
        let (_, rest) = line.strip_prefix("from ")?.split_once(" to ")?;
        let (insn, state) = rest.split_once(':')?;
        let state = state.replace("=P", "=");
        Some((insn.parse().ok()?, state.trim_end().to_owned()))
    };
    log.lines().filter_map(path).collect()
}

#[test]
fn a_walk_of_many_steps_in_a_browser() {
    let large = root().join(LARGE).exists();
    let object = if large { LARGE } else { "corpus/bounded_loop.bpf.o" };
    let program = if large { "on_event" } else { "nested" };
    let dir = Dir::new("large");
    let page = dir.file("page.html");
    let html = page.to_string_lossy();
    let (code, text, errors) = run(&["log", "--kernel", "6.18", "--html", &html, "-p", program, object]);
    assert_eq!((code, text.as_str(), errors.as_str()), (Some(0), "", ""));
    let Some(mut browser) = Browser::start("large") else {
        return;
    };
    let mut opened = Vec::new();
    for _ in 0..3 {
        browser.open(&page);
        let ready = browser.eval("performance.getEntriesByName('verdict-ready')[0].startTime");
        opened.push(ready.as_f64().unwrap());
    }
    opened.sort_by(f64::total_cmp);
    let steps = browser.eval("App.view.walk.length").as_u64().unwrap();
    let size = fs::metadata(&page).unwrap().len();
    eprintln!("{object}: {steps} steps, {size} bytes; open after {opened:.0?} ms");
    assert!(!large || steps > 50_000);
    assert!(opened[0] < 2000.0, "{opened:?}");
    let before = browser.computed();
    // Few rows exist at any time, wherever the list is; a click on one is answered at once.
    let clicks = browser.eval(
        "(async () => {
            const list = document.querySelector('.steps'), frame = () => new Promise(requestAnimationFrame), out = [];
            for (let part = 0; part <= 10; part++) {
                list.scrollTop = list.scrollHeight * part / 10;
                await frame(); await frame();
                const rows = [...list.querySelectorAll('.row.step')], row = rows[Math.floor(rows.length / 2)];
                const start = performance.now();
                row.click();
                await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
                const right = list.querySelector('.row.chosen').dataset.step === row.dataset.step
                    && document.querySelector('.state h2').textContent === 'Step ' + Number(row.dataset.step).toLocaleString('en');
                out.push({ time: performance.now() - start, rows: document.querySelectorAll('.row').length, right });
            }
            return out;
        })()",
    );
    let clicks = clicks.as_array().unwrap();
    let mut times: Vec<f64> = clicks
        .iter()
        .map(|click| click["time"].as_f64().unwrap())
        .collect();
    times.sort_by(f64::total_cmp);
    // Scrolling to the row before is part of it.
    let computed = (browser.computed() - before) / times.len() as f64;
    eprintln!("clicks answered after {times:.0?} ms; {computed:.0} ms of computing each");
    for click in clicks {
        assert!(
            click["right"] == true && click["rows"].as_u64().unwrap() < 300,
            "{click}"
        );
    }
    // Other programs may keep the machine busy: not all of the clicks tell.
    assert!(times[0] < 100.0 && computed < 100.0, "{times:?} {computed}");
    // The states at the beginnings of paths are those of the log.
    let (_, log, _) = run(&["log", "--kernel", "6.18", "-l", "2", "-p", program, object]);
    let wanted = paths_of_log(&log);
    let states = browser.eval(STATES);
    let found = states.as_array().unwrap();
    assert_eq!(found.len(), wanted.len() + 1, "and the first path");
    let mut compared = 0;
    for (found, (insn, state)) in found.iter().skip(1).zip(&wanted) {
        assert_eq!(found[0], *insn);
        if state != " safe" {
            assert_eq!(found[1], *state);
            compared += 1;
        }
    }
    eprintln!("{compared} states are those of the log");
    assert!(!large || compared > 500);
    // From state to state, and from path to path.
    browser.key("g");
    browser.key("n");
    let row = browser.text(".steps .row.chosen");
    assert!(row.contains('●') || row.contains('✂'), "{row}");
    browser.key("p");
    assert!(browser.text(".bounds").contains("the whole walk"));
    if large {
        browser.key("g");
        browser.key("]");
        assert!(browser.eval("App.view.walk.prev[App.view.step] !== App.view.step - 1") == true);
        let fork = browser.eval("App.view.walk.prev[App.view.step]");
        browser.key("u");
        assert_eq!(browser.eval("App.view.step"), fork);
    }
}

#[test]
fn a_walk_that_is_too_long_says_so() {
    let dir = Dir::new("long");
    let page = dir.file("page.html");
    let object = "corpus/reports/05-byte-search/bad.o";
    run(&["log", "--html", &page.to_string_lossy(), object]);
    let sheet = data(&page, "sheet-0");
    let kept = sheet["walk"]["insn"].as_array().unwrap().len() as u64;
    assert_eq!(kept, u64::from(Limits::WALK.rows));
    assert_eq!(
        sheet["walk"]["first"].as_u64().unwrap() + kept,
        sheet["walk"]["rows"].as_u64().unwrap()
    );
    let Some(mut browser) = Browser::start("long") else {
        return;
    };
    browser.open(&page);
    assert_eq!(
        browser.eval("document.querySelector('.bounds').firstChild.textContent"),
        "the last 262,144 steps of the 1,000,000 of the walk: a page keeps no more"
    );
}

/// Texts of an object, put in place of others of the same length, that would be markup or script if a page let them.
const HOSTILE: [(&str, &str); 3] = [
    ("return packet[12];", "</script><b id=hx>"),
    ("packet_access.bpf.c", "\"><img id=hy>.bpf.c"),
    ("unchecked", "<i id=z/>"),
];

#[test]
fn hostile_objects_are_text() {
    let dir = Dir::new("hostile");
    let mut bytes = fs::read(root().join("corpus/packet_access.bpf.o")).unwrap();
    let mut replaced = 0;
    for (from, to) in HOSTILE {
        assert_eq!(from.len(), to.len());
        // The names of functions in BTF must be names: those of symbols, which come last, are what programs are called.
        let places: Vec<_> = (0..bytes.len() - from.len())
            .filter(|at| bytes[*at..].starts_with(from.as_bytes()))
            .collect();
        let last_only = from == "unchecked";
        for at in places
            .into_iter()
            .rev()
            .take(if last_only { 1 } else { usize::MAX })
        {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            replaced += 1;
        }
    }
    assert!(replaced >= 3, "{replaced}");
    let object = dir.file("<img src=x onerror=document.title=1>\u{2028}.bpf.o");
    fs::write(&object, bytes).unwrap();
    let page = dir.file("page.html");
    let (code, _, errors) = run(&[
        "check",
        "--html",
        &page.to_string_lossy(),
        &object.to_string_lossy(),
    ]);
    assert_eq!(code, Some(2), "{errors}");
    let raw = fs::read_to_string(&page).unwrap();
    assert!(
        !raw.contains("<b id")
            && !raw.contains("<img")
            && !raw.contains("<i id")
            && !raw.contains('\u{2028}')
    );
    let Some(mut browser) = Browser::start("hostile") else {
        return;
    };
    browser.open(&page);
    let table = browser.text("#overview");
    assert!(
        table.contains("<i id=z/>") && table.contains("<img src=x onerror"),
        "{table}"
    );
    for key in ["j", "j", "j", "Enter"] {
        browser.key(key);
    }
    browser.wait_for("!document.getElementById('sheet').hidden");
    assert_eq!(
        browser.eval("document.querySelectorAll('img, b[id], i, #hx, #hy, #z').length"),
        0
    );
    let shown = browser.text("#sheet");
    assert!(shown.contains("</script><b id=hx>"), "{shown}");
    assert!(browser.text(".steps").contains("\"><img id=hy>.bpf.c:49"));
    browser.key("c");
    browser.wait_for("document.querySelector('.cost iframe')");
    std::thread::sleep(Duration::from_millis(200));
    assert_ne!(browser.eval("document.title"), "1");
}
