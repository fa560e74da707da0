//! The rules that refusals name: the table, the pages, and the corpus that shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use verdict::kernel::SWITCHES;
use verdict::kernel::rule::{Category, Rule};
use verdict::{Answer, KernelChoice, Options, Verifier};
use verdict_report::Verdict;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every program of the corpus but those that attach to others, are for other loaders, and reports: its object, its name, the answer, and its log with
/// what libbpf says.
fn corpus() -> Vec<(String, String, Answer, String)> {
    let verifier = Verifier::new(KernelChoice::default().open().unwrap(), Options::default());
    let mut all = Vec::new();
    let apart =
        ["corpus/attach", "corpus/cilium", "corpus/plans", "corpus/reports"].map(|dir| root().join(dir));
    let paths = verdict::objects_in(&root().join("corpus")).unwrap();
    for path in paths
        .into_iter()
        .filter(|path| apart.iter().all(|dir| !path.starts_with(dir)))
    {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(object) = verifier.open(&name, &fs::read(&path).unwrap()) else {
            continue;
        };
        for program in object.programs() {
            let answer = program.check();
            let mut log = Vec::new();
            program.log(1, &mut log).unwrap();
            let mut log = String::from_utf8(log).unwrap();
            log.push_str(answer.record.libbpf.as_deref().unwrap_or_default());
            all.push((name.clone(), program.name().to_owned(), answer, log));
        }
    }
    all
}

fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for (i, c) in variant.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[test]
fn codes_and_names_follow_from_category_and_variant() {
    let mut last = "";
    for rule in Rule::ALL {
        let (code, variant) = (rule.code(), format!("{rule:?}"));
        assert!(last < code, "{code} does not come after {last}");
        last = code;
        let category = Category::ALL.iter().position(|c| *c == rule.category()).unwrap() + 1;
        assert!(
            code.starts_with(&format!("V0{category}")) && code.len() == 5,
            "{code}"
        );
        assert_eq!(rule.name(), kebab(&variant));
        assert_eq!(Rule::find(&code.to_lowercase()), Some(*rule));
        assert_eq!(Rule::find(rule.name()), Some(*rule));
        let sentence = rule.sentence();
        assert!(!sentence.ends_with('.') && sentence.starts_with(|c: char| c.is_lowercase() || c == '`'));
    }
}

/// The sources of the crates in which something is refused.
fn sources() -> Vec<String> {
    let mut todo: Vec<PathBuf> = ["engine", "syscall", "loader", "verdict"]
        .map(|name| root().join("crates").join(name).join("src"))
        .to_vec();
    let mut texts = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            texts.push(read(&path));
        }
    }
    texts
}

#[test]
fn every_rule_is_named_where_something_is_refused() {
    let texts = sources();
    let words: BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    for rule in Rule::ALL {
        assert!(
            words.contains(format!("{rule:?}").as_str()),
            "{rule:?} is never used"
        );
    }
}

/// The first lines of a page: what the table says.
fn head_of(rule: Rule) -> String {
    let (row, category) = (rule.row(), rule.category().name());
    let capital = |text: &str| format!("{}{}", text[..1].to_uppercase(), &text[1..]);
    let of = match row.checked_in.strip_suffix(" (libbpf)") {
        Some(_) => "libbpf",
        None => "the kernel",
    };
    let functions = row.checked_in.trim_end_matches(" (libbpf)");
    let (functions, others) = match functions.strip_suffix(" and others") {
        Some(functions) => (functions, " and others"),
        None => (functions, ""),
    };
    let functions: Vec<_> = functions.split(", ").map(|f| format!("`{f}`")).collect();
    let checked = format!("Checked in {}{others} of {of}.", functions.join(", "));
    let sentence = capital(row.sentence);
    format!(
        "# {} {}\n\n*{}.* {sentence}.\n\n{checked}",
        row.code,
        row.name,
        capital(category)
    )
}

#[test]
fn pages_begin_with_what_the_table_says_and_have_all_parts() {
    let unwrapped = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for rule in Rule::ALL {
        let page = rule.page();
        let (head, rest) = page.split_once("\n\n## What is checked\n").unwrap();
        assert_eq!(unwrapped(head), unwrapped(&head_of(*rule)));
        let mut left = rest;
        for part in [
            "\n## Usual causes\n\n- ",
            "\n## What to change\n",
            "\n## Example\n",
            "\n```c\n",
            "\n```text\n",
        ] {
            let (before, behind) = left
                .split_once(part)
                .unwrap_or_else(|| panic!("{}: no {part:?}", rule.code()));
            assert!(
                part.contains("```") || before.trim().len() > 20,
                "{}: {part:?}",
                rule.code()
            );
            left = behind;
        }
        assert!(left.ends_with("\n```\n"), "{}", rule.code());
    }
}

#[test]
fn the_index_lists_all_pages() {
    let mut index = String::from(
        "# Rules\n\nWhat a refusal means: `verdict check` names the rule that was broken, `verdict explain` prints its page.\n",
    );
    for category in Category::ALL {
        let name = category.name();
        index.push_str(&format!(
            "\n## {}{}\n\n| rule | |\n|---|---|\n",
            name[..1].to_uppercase(),
            &name[1..]
        ));
        for rule in Rule::ALL.iter().filter(|rule| rule.category() == category) {
            let (code, name, sentence) = (rule.code(), rule.name(), rule.sentence());
            index.push_str(&format!("| [{code} {name}]({code}.md) | {sentence} |\n"));
        }
    }
    let pages = root().join("docs/rules");
    assert_eq!(read(&pages.join("README.md")), index);
    assert_eq!(fs::read_dir(&pages).unwrap().count(), Rule::ALL.len() + 1);
}

/// The lines of a page's block of this kind.
fn block<'p>(page: &'p str, kind: &str) -> impl Iterator<Item = &'p str> {
    let start = page.find(&format!("\n```{kind}\n")).unwrap() + kind.len() + 5;
    let block = &page[start..];
    block[..block.find("\n```").unwrap()].lines()
}

#[test]
fn examples_are_programs_of_the_corpus_and_what_the_kernel_says_of_them() {
    let programs = corpus();
    for rule in Rule::ALL {
        let (page, code) = (rule.page(), rule.code());
        let Some(shown_by) = rule.row().shown_by else {
            assert!(!page.contains("../../corpus/"), "{code}");
            continue;
        };
        let (object, program) = shown_by.split_once(' ').unwrap();
        let found = programs.iter().find(|(o, p, ..)| o == object && p == program);
        let (_, _, answer, log) = found.unwrap_or_else(|| panic!("{code}: no {shown_by}"));
        let refusal = answer.refusal.as_ref().map(|refusal| refusal.rule);
        assert_eq!(refusal, Some(*rule), "{shown_by}");
        let source = object.replace(".bpf.o", ".bpf.c");
        let link = format!("`{program}` of [corpus/{source}](../../corpus/{source}):");
        assert!(page.contains(&link), "{code}: {link}");
        let source = read(&root().join("corpus").join(source));
        for line in block(page, "c").filter(|line| !line.trim().is_empty()) {
            assert!(source.lines().any(|l| l == line), "{code}: {line}");
        }
        for line in block(page, "text") {
            assert!(log.lines().any(|l| l == line), "{code}: {line}\n{log}");
        }
    }
}

/// What the programs of each object are about, so that their rules must be of these kinds.
const ABOUT: &[(&str, &[Category])] = {
    use Category::{
        CallType as Call, ExecutionContext as Context, Memory, Policy, ProgramStructure as Structure,
        RegisterType as Register, ResourceLifetime as Resource,
    };
    &[
        ("arena", &[Structure]),
        ("bounded_loop", &[Structure]),
        ("context", &[Memory, Register, Call]),
        ("core_relocation", &[Structure, Memory]),
        ("dead_callback", &[Structure]),
        ("dynptr", &[Resource, Register]),
        ("field_words", &[Resource, Call, Context]),
        ("for_each", &[Memory]),
        ("frozen_data", &[Memory]),
        ("global_func", &[Register, Memory]),
        ("instructions", &[Memory]),
        ("irq_flags", &[Structure]),
        ("iter_num", &[Resource, Register]),
        ("kfunc", &[Resource, Call, Context, Policy]),
        ("kfunc_args", &[Call, Memory, Resource, Register, Policy]),
        ("kfunc_region", &[Context, Resource, Call, Policy]),
        ("kptr_xchg", &[Call]),
        ("late_helper", &[Call]),
        ("linked_scalars", &[Memory]),
        ("loop_callback", &[Call]),
        ("map_fd", &[Structure]),
        ("map_value", &[Memory, Register, Call]),
        ("object_graph", &[Resource, Call, Context, Register]),
        ("old_values", &[Register, Memory]),
        ("packet_access", &[Memory]),
        ("precision", &[Memory]),
        ("private_stack", &[Memory]),
        ("prototypes", &[Structure, Memory, Context, Register, Call]),
        ("references", &[Resource, Register, Call]),
        ("refused_fields", &Category::ALL),
        ("refused_globals", &Category::ALL),
        ("refused_graph", &Category::ALL),
        ("refused_helpers", &Category::ALL),
        ("refused_kernel_calls", &[Policy]),
        ("refused_kfuncs", &Category::ALL),
        ("refused_many", &[Policy]),
        ("refused_numbers", &Category::ALL),
        ("refused_objects", &Category::ALL),
        ("refused_places", &Category::ALL),
        ("refused_records", &[Structure]),
        ("refused_targets", &Category::ALL),
        ("refused_untyped", &Category::ALL),
        ("rules_call", &[Call, Context, Structure, Policy]),
        ("rules_extern", &[Structure]),
        ("rules_fields", &[Structure]),
        ("rules_inner_map", &[Policy]),
        ("rules_licence", &[Policy]),
        ("rules_map", &[Policy]),
        ("rules_map_contents", &[Structure]),
        ("rules_map_types", &[Policy]),
        ("rules_memory", &[Memory, Resource]),
        ("rules_register", &[Register]),
        ("rules_struct_ops", &[Policy]),
        ("rules_struct_ops_map", &[Structure]),
        ("rules_structure", &[Structure, Policy]),
        ("set_globals", &[Memory]),
        ("spill_fill", &[Register]),
        ("spin_lock", &[Resource, Context, Memory]),
        ("stack_depth", &[Memory]),
        ("subprog", &[Structure, Memory]),
        ("tail_call", &[Call]),
        ("tcp_sock", &[Memory]),
        ("timer", &[Call, Memory]),
        ("parser", &[Memory]),
        ("two_locks", &[Call]),
        ("unknown_callback", &[Call]),
        ("unmet", &[Register]),
        ("workqueue", &[Call, Context]),
        ("zero_spill", &[Memory]),
    ]
};

#[test]
fn every_rejected_program_of_the_corpus_broke_a_rule_that_fits() {
    let about: BTreeMap<_, _> = ABOUT.iter().copied().collect();
    for (object, program, answer, log) in corpus() {
        let rule = answer.refusal.as_ref().map(|refusal| refusal.rule);
        assert_eq!(
            rule.is_some(),
            answer.record.verdict == Verdict::Failure,
            "{object} {program}"
        );
        let Some(rule) = rule else { continue };
        let kinds = about.get(object.trim_end_matches(".bpf.o"));
        // Programs that tell kernels apart are refused by whatever rule the kernels differ in.
        let tells_kernels_apart = SWITCHES
            .iter()
            .any(|s| s.corpus == object.trim_end_matches(".bpf.o"));
        match kinds {
            Some(kinds) => assert!(
                kinds.contains(&rule.category()),
                "{object} {program}: {rule}\n{log}"
            ),
            None => assert!(tells_kernels_apart, "say what {object} is about"),
        }
        // What tells kernels apart may be that one contradicts itself.
        assert!(
            rule != Rule::VerifierBug || tells_kernels_apart,
            "{object} {program}: {log}"
        );
    }
}

#[test]
fn numbers_and_the_origin_of_a_register_are_told() {
    use verdict::kernel::rule::{Fact, Role};
    let programs = corpus();
    let refusal = |object: &str, program: &str| {
        let found = programs.iter().find(|(o, p, ..)| o == object && p == program);
        found.unwrap().2.refusal.clone().unwrap()
    };
    let off_by_one = refusal("packet_access.bpf.o", "off_by_one");
    let fact = Fact::Access {
        reg: 2,
        from: (12, 12),
        size: 1,
        bytes: (0, 12),
    };
    assert_eq!(off_by_one.fact, Some(fact));
    let (role, origin) = off_by_one.origin.unwrap();
    assert_eq!(role, Role::Sets);
    assert!(origin.source.unwrap().text.contains("packet + 12"));

    let out_of_range = refusal("context.bpf.o", "out_of_range");
    let fact = Fact::Number {
        reg: 0,
        is: (0, 3),
        allowed: (0, 1),
    };
    assert_eq!(out_of_range.fact, Some(fact));

    let leaked = refusal("references.bpf.o", "leaked");
    assert!(matches!(leaked.fact, Some(Fact::Acquired(_))));
    assert_eq!(leaked.origin.unwrap().0, Role::Acquires);

    // Through a copy, and past a call.
    let used_after = refusal("references.bpf.o", "used_after");
    let (role, origin) = used_after.origin.unwrap();
    assert_eq!((role, origin.text.contains("call")), (Role::Sets, true));
}
