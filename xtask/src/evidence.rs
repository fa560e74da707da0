//! The tables of the README and the guide that say how well verdict agrees with real kernels: counted, never typed.
//!
//! A page has them between `<!-- evidence: NAME -->` and `<!-- end -->`.

mod action;
mod records;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::counts::{self, Counts};
use crate::{Done, root};

/// What to do.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing: say which tables are not what they should be
    #[arg(long)]
    check: bool,
}

const BEGIN: &str = "<!-- evidence: ";
const BEGIN_END: &str = " -->\n";
const END: &str = "<!-- end -->";

/// What makes a table.
type Table = fn() -> Result<String, String>;

const TABLES: [(&str, Table); 5] = [
    ("exactness", exactness),
    ("gaps", gaps),
    ("records", records::table),
    ("zero-spill", records::zero_spill),
    ("action", action::table),
];

/// Writes all tables, or compares them.
pub(crate) fn run(args: &Args) -> Done {
    let mut well = true;
    let mut tables = 0;
    for page in pages()? {
        let text = read(&page)?;
        let (new, count) = filled(&text).map_err(|error| format!("{}: {error}", page.display()))?;
        tables += count;
        if new == text {
            continue;
        }
        match args.check {
            true => {
                println!(
                    "{}: a table is not what is counted: cargo xtask evidence",
                    page.display()
                );
                well = false;
            }
            false => fs::write(&page, new).map_err(|e| format!("{}: {e}", page.display()))?,
        }
    }
    println!("{tables} tables");
    Ok(well)
}

fn pages() -> Result<Vec<PathBuf>, String> {
    let mut pages = vec![root().join("README.md")];
    let pattern = root().join("docs/guide/*.md");
    let chapters = glob::glob(&pattern.to_string_lossy()).map_err(|e| e.to_string())?;
    pages.extend(chapters.filter_map(Result::ok));
    Ok(pages)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The page with its tables as they should be, and how many it has.
fn filled(page: &str) -> Result<(String, usize), String> {
    let (mut new, mut rest, mut count) = (String::new(), page, 0);
    while let Some((before, behind)) = rest.split_once(BEGIN) {
        let (name, behind) = behind
            .split_once(BEGIN_END)
            .ok_or("a marker of a table does not end")?;
        let (_, after) = behind
            .split_once(END)
            .ok_or_else(|| format!("the table {name} has no {END}"))?;
        let table = TABLES.iter().find(|(known, _)| *known == name);
        let (_, table) = table.ok_or_else(|| format!("there is no table {name}"))?;
        new += &format!("{before}{BEGIN}{name}{BEGIN_END}{}{END}", table()?);
        rest = after;
        count += 1;
    }
    Ok((new + rest, count))
}

/// A number as people write it: 12,345.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Rows of cells as Markdown; the first one is the head.
fn markdown(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        // A string takes everything.
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
        }
    }
    text
}

/// The fields of a record that the table has, and what they are called there.
const FIELDS: [(&str, &str); 6] = [
    ("verdict", "Verdict"),
    ("errno", "errno"),
    ("insns", "Instructions"),
    ("states", "States"),
    ("words", "Last words"),
    ("log", "Level-2 log"),
];

/// For each kernel, in how many programs each field is what the kernel said.
fn exactness() -> Result<String, String> {
    let all = counts::read(&root().join("golden/parity.jsonl"))?;
    let mut kernels: BTreeMap<(Vec<u32>, &str), Vec<&Counts>> = BTreeMap::new();
    for counts in &all {
        let kernel = counts.kernel.as_str();
        kernels.entry((release(kernel), kernel)).or_default().push(counts);
    }
    let head = ["Kernel"].into_iter().chain(FIELDS.map(|(_, title)| title));
    let mut rows = vec![head.map(ToOwned::to_owned).collect::<Vec<_>>()];
    for ((_, kernel), counts) in kernels {
        let cell = |(field, _): (&str, &str)| {
            let pairs = counts.iter().filter_map(|counts| counts.fields.get(field));
            let (equal, compared) = pairs.fold((0, 0), |(e, c), pair| (e + pair.0, c + pair.1));
            match equal == compared {
                true => format!("all {}", grouped(compared)),
                false => format!("{} of {}", grouped(equal), grouped(compared)),
            }
        };
        rows.push([kernel.to_owned()].into_iter().chain(FIELDS.map(cell)).collect());
    }
    Ok(markdown(&rows))
}

/// The numbers of a kernel's release, by which kernels are sorted.
fn release(kernel: &str) -> Vec<u32> {
    let version = kernel.split('-').next().unwrap_or_default();
    version
        .split('.')
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// The programs that are known to differ, with the reasons.
fn gaps() -> Result<String, String> {
    let mut programs: BTreeMap<(String, String), (Vec<String>, String)> = BTreeMap::new();
    for kernel in known_kernels()? {
        let own = root().join("golden").join(&kernel).join("known-gaps.txt");
        let file = if own.exists() {
            own
        } else {
            root().join("golden/known-gaps.txt")
        };
        for line in read(&file)?.lines() {
            let Some((entry, reason)) = line.split_once('#') else {
                continue;
            };
            let words: Vec<_> = entry.split_whitespace().collect();
            let [object, program] = words.as_slice() else {
                continue;
            };
            let key = ((*object).to_owned(), (*program).to_owned());
            let (kernels, why) = programs.entry(key).or_default();
            kernels.push(kernel.split('-').next().unwrap_or_default().to_owned());
            if why.is_empty() {
                reason.trim().replace('|', "\\|").clone_into(why);
            }
        }
    }
    let mut rows = vec![
        ["Object", "Program", "Kernels", "What differs"]
            .map(ToOwned::to_owned)
            .to_vec(),
    ];
    for ((object, program), (kernels, why)) in programs {
        rows.push(vec![object, program, kernels.join(", "), why]);
    }
    Ok(markdown(&rows))
}

/// The kernels of which there are counts, oldest first.
fn known_kernels() -> Result<Vec<String>, String> {
    let all = counts::read(&root().join("golden/parity.jsonl"))?;
    let mut kernels: Vec<_> = all.into_iter().map(|counts| counts.kernel).collect();
    kernels.sort_by_key(|kernel| release(kernel));
    kernels.dedup();
    Ok(kernels)
}

#[cfg(test)]
mod tests {
    use super::{filled, grouped, markdown, release};

    #[test]
    fn numbers_are_grouped() {
        let numbers = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
        assert!(release("6.1.192-deb12") < release("6.12.43-deb12"));
    }

    #[test]
    fn tables_have_a_head() {
        let rows = [
            vec!["a".to_owned(), "b".to_owned()],
            vec!["1".to_owned(), "2".to_owned()],
        ];
        assert_eq!(markdown(&rows), "| a | b |\n|---|---|\n| 1 | 2 |\n");
    }

    #[test]
    fn markers_that_are_wrong_are_named() {
        assert_eq!(filled("no table\n").map(|(_, count)| count), Ok(0));
        assert!(filled("<!-- evidence: nothing -->\n<!-- end -->\n").is_err());
        assert!(filled("<!-- evidence: exactness -->\n").is_err());
    }
}
