//! The guide's table of contents, and where the links of all pages lead.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::{CHAPTERS, read, root};

/// Where the book's sources are, below the root: `docs/book.toml` says so.
const BOOK: &str = "docs";

/// All Markdown pages that people read, below the root.
fn all_pages() -> Vec<String> {
    let directories = ["", "docs", CHAPTERS, "docs/rules", "corpus/reports"];
    let mut pages = Vec::new();
    for directory in directories {
        for entry in fs::read_dir(root().join(directory)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                pages.push(normal(&Path::new(directory).join(name)));
            }
        }
    }
    pages.sort();
    pages
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                assert!(parts.pop().is_some(), "{} leaves the project", path.display());
            }
            Component::Normal(part) => parts.push(part.to_str().unwrap().to_owned()),
            _ => {}
        }
    }
    parts.join("/")
}

/// The text outside of fenced blocks and code spans.
fn prose(page: &str) -> String {
    let mut text = String::new();
    for (at, part) in page.split("\n```").enumerate() {
        // Every second part is inside of a block.
        text += if at % 2 == 0 { part } else { "\n" };
    }
    text.split('`').step_by(2).collect()
}

/// The targets of links, `[…](TARGET)`.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let behind = prose.split("](").skip(1);
    behind
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// What GitHub and mdBook make of headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let (mut found, mut times, mut inside) = (BTreeSet::new(), BTreeMap::<String, usize>::new(), false);
    for line in page.lines() {
        inside ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        if inside || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let slug: String = heading
            .trim()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
            .collect();
        let before = times.entry(slug.clone()).or_default();
        found.insert(match *before {
            0 => slug,
            n => format!("{slug}-{n}"),
        });
        *before += 1;
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut followed = 0;
    for page in all_pages() {
        for link in links(&read(&page)) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((&*link, None), |(p, a)| (p, Some(a)));
            let target = match path {
                "" => page.clone(),
                path => normal(&Path::new(&page).parent().unwrap().join(path)),
            };
            let file: PathBuf = root().join(&target);
            let there = match anchor {
                None => file.exists(),
                Some(anchor) => file.is_file() && anchors(&read(&target)).contains(anchor),
            };
            if !there {
                wrong.push(format!("{page}: {link}"));
            }
            followed += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(followed > 200, "{followed} links");
}

#[test]
fn the_table_of_contents_has_every_chapter_once() {
    let settings = read("docs/book.toml");
    assert!(settings.contains("\nsrc = \".\"\n"), "{settings}");
    let mut listed = links(&read("docs/SUMMARY.md"));
    listed.sort();
    let mut there: Vec<String> = all_pages()
        .iter()
        .filter_map(|page| page.strip_prefix(&format!("{BOOK}/")))
        .filter(|page| *page != "SUMMARY.md")
        .map(ToOwned::to_owned)
        .collect();
    there.sort();
    assert_eq!(listed, there);
}

/// A chapter's title is that of the table of contents.
#[test]
fn chapters_have_the_titles_of_the_table_of_contents() {
    let contents = read("docs/SUMMARY.md");
    for line in contents.lines() {
        let Some((title, rest)) = line.split_once("](") else {
            continue;
        };
        let title = title.split_once('[').unwrap().1;
        let page = format!("{BOOK}/{}", rest.trim_end_matches(')'));
        let heading = read(&page).lines().next().unwrap().to_owned();
        assert_eq!(heading, format!("# {title}"), "{page}");
    }
}

#[test]
fn headings_become_anchors() {
    let page = "# A `--why` of 2 (kernels)\n```sh\n# no\n```\n## Two\n## Two\n";
    let expected = ["a---why-of-2-kernels", "two", "two-1"];
    assert_eq!(
        anchors(page),
        expected.into_iter().map(ToOwned::to_owned).collect()
    );
    assert_eq!(links("a [b](c.md#d) `[x](y)`\n```c\n[e](f)\n```\n"), ["c.md#d"]);
}
