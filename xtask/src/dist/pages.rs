//! Man pages and completions, made of the command line that the program itself reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// The program's name.
pub(crate) const NAME: &str = "verdict";

/// The subcommand whose options clap does not know.
const STAT: &str = "stat";

/// Shells that have completions, each with the file name by which it finds them.
pub(crate) const SHELLS: [(Shell, &str); 4] = [
    (Shell::Bash, "verdict.bash"),
    (Shell::Zsh, "_verdict"),
    (Shell::Fish, "verdict.fish"),
    (Shell::PowerShell, "_verdict.ps1"),
];

/// The man pages, each with its file name: the program's, and one for each subcommand.
pub(crate) fn man_pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = verdict_cli::command().disable_help_subcommand(true);
    command.build();
    let names: Vec<String> = subcommands(&command).map(page_name).collect();
    let mut pages = vec![(format!("{NAME}.1"), page(&command, &names)?)];
    for subcommand in subcommands(&command) {
        let name = page_name(subcommand);
        pages.push((format!("{name}.1"), page(subcommand, &[NAME.to_owned()])?));
    }
    Ok(pages)
}

/// The subcommands that help lists.
fn subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set())
}

/// The name of a subcommand's page.
fn page_name(subcommand: &Command) -> String {
    format!("{NAME}-{}", subcommand.get_name())
}

/// One page; `others` are those that it refers to.
fn page(command: &Command, others: &[String]) -> io::Result<Vec<u8>> {
    let source = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    let foreign = command.get_name() == STAT;
    let usage = if foreign {
        format!("{NAME} {STAT} [OPTION...] OBJECT...")
    } else {
        let usage = command.clone().render_usage().to_string();
        usage.trim_start_matches("Usage: ").to_owned()
    };
    let man = Man::new(command.clone().override_usage(usage))
        .date(" ") // were it empty, the next word would stand in its place
        .source(source)
        .manual("User Commands");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    if foreign {
        preformatted(&mut out, "OPTIONS", &verdict_cli::stat_help())?;
    } else {
        man.render_options_section(&mut out)?;
    }
    if subcommands(command).next().is_some() {
        man.render_subcommands_section(&mut out)?;
    }
    see_also(&mut out, others)?;
    Ok(out)
}

/// A section whose lines stay as they are.
fn preformatted(out: &mut Vec<u8>, heading: &str, text: &str) -> io::Result<()> {
    let mut roff = Roff::default();
    roff.control("SH", [heading]);
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(out)
}

fn see_also(out: &mut Vec<u8>, others: &[String]) -> io::Result<()> {
    let mut roff = Roff::default();
    roff.control("SH", ["SEE ALSO"]);
    let mut line = Vec::new();
    for (at, other) in others.iter().enumerate() {
        let end = if at + 1 < others.len() { "(1), " } else { "(1)" };
        line.extend([bold(other), roman(end)]);
    }
    roff.text(line);
    roff.to_writer(out)
}

/// A shell's completions.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut verdict_cli::command(), NAME, &mut out);
    out
}

/// Writes man pages into `DIR/man` and completions into `DIR/completions`, and gives the files.
pub(crate) fn write(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = man_pages()
        .map_err(|e| format!("man pages: {e}"))?
        .into_iter()
        .map(|(name, text)| (dir.join("man").join(name), text))
        .collect::<Vec<_>>();
    for (shell, name) in SHELLS {
        files.push((dir.join("completions").join(name), completions(shell)));
    }
    for (file, text) in &files {
        super::create_parent(file)?;
        fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    /// What the program's help lists, by name.
    fn listed() -> Vec<String> {
        let mut command = verdict_cli::command();
        let help = command.render_help().to_string();
        let (_, list) = help.split_once("Commands:\n").unwrap();
        let list = list.split("\n\n").next().unwrap();
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        list.lines()
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(first)
            .filter(|name| name != "help")
            .collect()
    }

    #[test]
    fn each_listed_subcommand_has_a_page() {
        let listed = listed();
        assert!(
            listed.len() > 10 && listed.contains(&"check".to_owned()),
            "{listed:?}"
        );
        let expected: BTreeSet<String> = listed
            .iter()
            .map(|name| format!("verdict-{name}.1"))
            .chain(["verdict.1".to_owned()])
            .collect();
        let pages: BTreeSet<String> = man_pages().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(pages, expected);
    }

    #[test]
    fn no_section_of_a_page_is_empty() {
        for (name, page) in man_pages().unwrap() {
            let page = text(page);
            let mut sections = page.split("\n.SH ");
            assert!(
                sections.next().unwrap().contains(".TH verdict"),
                "{name}: no title"
            );
            let mut headings = Vec::new();
            for section in sections {
                let (heading, body) = section.split_once('\n').unwrap();
                let words = |line: &&str| !line.starts_with('.') && !line.trim().is_empty();
                assert!(
                    body.lines().any(|line| words(&line)),
                    "{name}: {heading} is empty"
                );
                headings.push(heading);
            }
            for needed in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"SEE ALSO\""] {
                assert!(headings.contains(&needed), "{name}: no {needed} in {headings:?}");
            }
        }
    }

    #[test]
    fn pages_say_what_help_says() {
        let pages = man_pages().unwrap();
        let page = |name: &str| {
            let (_, page) = pages.iter().find(|(other, _)| other == name).unwrap();
            text(page.clone()).replace('\\', "")
        };
        let check = page("verdict-check.1");
        let version = env!("CARGO_PKG_VERSION");
        assert!(check.contains(&format!(".TH verdict-check 1 \" \" \"verdict {version}\"")));
        assert!(
            check.contains("verdict checkfR [OPTIONS] <OBJECT>...\n"),
            "{check}"
        );
        // Groups of options stand below their headings.
        let (own, of_kernel) = check.split_once(".SH KERNEL\n").unwrap();
        assert!(own.contains("--minimum") && !own.contains("--cpus"));
        assert!(of_kernel.contains("--cpus"));
        assert!(page("verdict-check.1").contains("verdict-check - Say which programs"));
        assert!(
            page("verdict-stat.1").contains("--log-fixed"),
            "veristat's options"
        );
        assert!(page("verdict.1").contains("verdict-check(1)"));
    }

    /// How a shell's completions offer a subcommand.
    fn offer(shell: Shell, name: &str) -> String {
        match shell {
            Shell::Bash => format!("verdict,{name})"),
            Shell::Zsh => format!("'{name}:"),
            Shell::Fish => format!("-a \"{name}\""),
            _ => format!("[CompletionResult]::new('{name}'"),
        }
    }

    #[test]
    fn completions_offer_each_subcommand() {
        for (shell, _) in SHELLS {
            let text = text(completions(shell));
            for name in listed() {
                assert!(text.contains(&offer(shell, &name)), "{shell}: nothing of {name}");
            }
            assert!(text.contains("minimum"), "{shell}: nothing of --minimum");
        }
    }
}
