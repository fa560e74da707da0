//! What mdBook asks about each page of the guide: links that leave the book become addresses in the repository, and those to
//! a directory's first page have the name that it has there.

use std::io::{Read, Write};
use std::path::{Component, Path};

use serde_json::Value;

use crate::Done;

/// Where the book's sources are, below the root.
const BOOK: &str = "docs";

/// The repository's files on the web.
const FILES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// What mdBook calls a preprocessor with.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// `supports`, if mdBook asks whether a renderer is supported; otherwise the book is read from standard input
    question: Option<String>,
    /// The renderer that it asks about
    renderer: Option<String>,
}

/// Answers mdBook: every renderer is supported, and a book is written with its links changed.
pub(crate) fn run(args: &Args) -> Done {
    match (args.question.as_deref(), &args.renderer) {
        (Some("supports"), Some(_)) => return Ok(true),
        (None, _) => {}
        _ => return Err("book: expected `supports RENDERER`, or mdBook's book on standard input".to_owned()),
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|e| format!("book: standard input: {e}"))?;
    let mut asked: Value = serde_json::from_str(&text).map_err(|e| format!("book: standard input: {e}"))?;
    let book = asked
        .get_mut(1)
        .ok_or("book: standard input: expected mdBook's context and book")?;
    chapters(book);
    writeln!(std::io::stdout(), "{book}").map_err(|e| format!("book: {e}"))?;
    Ok(true)
}

/// Changes the links of all chapters in a value.
fn chapters(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(chapters),
        Value::Object(fields) => {
            let path = fields.get("path").and_then(Value::as_str).map(ToOwned::to_owned);
            if let (Some(path), Some(Value::String(content))) = (path, fields.get_mut("content")) {
                *content = outward(content, Path::new(&path));
            }
            fields.values_mut().for_each(chapters);
        }
        _ => {}
    }
}

/// A page with its links as the book needs them.
fn outward(page: &str, path: &Path) -> String {
    let mut out = String::with_capacity(page.len());
    let mut parts = page.split("](");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str("](");
        match part
            .split_once(')')
            .and_then(|(link, rest)| Some((address(link, path)?, rest)))
        {
            Some((address, rest)) => {
                out.push_str(&address);
                out.push(')');
                out.push_str(rest);
            }
            None => out.push_str(part),
        }
    }
    out
}

/// What a page links to, if the book has another name for it.
fn address(link: &str, page: &Path) -> Option<String> {
    let first_page = || Some(format!("{}index.md", link.strip_suffix("README.md")?));
    outside(link, page).or_else(first_page)
}

/// The address of what a page links to; `None` for what is in the book or has an address of its own.
fn outside(link: &str, page: &Path) -> Option<String> {
    if !link.starts_with("../") {
        return None;
    }
    let mut parts = vec![BOOK];
    let target = page.parent().unwrap_or(Path::new("")).join(link);
    for component in target.components() {
        match component {
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => return None,
        }
    }
    (parts.first() != Some(&BOOK)).then(|| format!("{FILES}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_book_are_addresses() {
        let page = Path::new("guide/kernels.md");
        let text = "[a](../../corpus/x.c), [b](../rules/V0101.md), [c](cost.md#d), [e](https://f), [g](../../A.md#h)";
        assert_eq!(
            outward(text, page),
            format!(
                "[a]({FILES}corpus/x.c), [b](../rules/V0101.md), [c](cost.md#d), [e](https://f), [g]({FILES}A.md#h)"
            )
        );
        assert_eq!(outward("[a](../../../x)", page), "[a](../../../x)");
        assert_eq!(
            outward("[a](README.md) [b](../rules/README.md)", page),
            "[a](index.md) [b](../rules/index.md)"
        );
        assert_eq!(outward("](", page), "](");
    }
}
