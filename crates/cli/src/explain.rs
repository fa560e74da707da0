//! `verdict explain`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use verdict::kernel::rule::Rule;
use verdict::kernel::rule::explain::{self, Explained};
use verdict_report::forms::{rules_by_category, write_explained, write_rules};
use verdict_report::{Look, Part};

use crate::Done;
use crate::args::ExplainArgs;

/// Prints a rule's page, what a log says, or the list of the rules.
pub(crate) fn run(args: &ExplainArgs, out: &mut dyn Write) -> Done {
    let (look, form) = (args.print.color.look(), args.print.output.json());
    let Some(asked) = &args.rule else {
        match form {
            Some(form) => write_rules(out, form, rules_by_category().flat_map(|(_, rules)| rules), false)?,
            None => list(look, out)?,
        }
        return Ok(0);
    };
    if let Some(rule) = Rule::find(asked) {
        match form {
            Some(form) => write_rules(out, form, [rule], true)?,
            None => write_page(rule.page(), look, out)?,
        }
        return Ok(0);
    }
    let found = if asked == "-" {
        of_log(io::stdin().lock(), asked)?
    } else if Path::new(asked).is_file() {
        let file = File::open(asked).map_err(|e| format!("{asked}: {e}"))?;
        of_log(BufReader::new(file), asked)?
    } else {
        of_words(asked)?
    };
    match form {
        Some(form) => write_explained(out, form, &found)?,
        None => write_all_found(out, &found, look)?,
    }
    let unknown = found.iter().all(|found| found.rule.is_none());
    Ok(u8::from(unknown))
}

/// A page: its headings stand out, its examples stand back.
fn write_page(page: &str, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut example = false;
    for line in page.lines() {
        let fence = line.starts_with("```");
        example ^= fence;
        match () {
            () if fence || example => writeln!(out, "{}", look.paint(Part::Faint, line))?,
            () if line.starts_with('#') => writeln!(out, "{}", look.paint(Part::Heading, line))?,
            () => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// Words on the command line: of one refusal, which may be several lines.
fn of_words(words: &str) -> Result<Vec<Explained>, String> {
    let found = explain::log(words.as_bytes());
    let found = found.into_iter().find(|found| found.rule.is_some());
    found.map(|found| vec![found]).ok_or_else(|| {
        format!("no rule '{words}', and no refusal in these words: `verdict explain` lists the rules")
    })
}

/// A whole log, or what a loader printed around one.
fn of_log(input: impl BufRead, name: &str) -> Result<Vec<Explained>, String> {
    let found = explain::log(input);
    match found.is_empty() {
        true => Err(format!("{name}: no refusal is in this log")),
        false => Ok(found),
    }
}

fn write_all_found(out: &mut dyn Write, all: &[Explained], look: Look) -> io::Result<()> {
    for (i, found) in all.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        write_found(out, found, look)?;
    }
    Ok(())
}

/// Where and by which words a program was refused, the rule, and what to change.
fn write_found(out: &mut dyn Write, found: &Explained, look: Look) -> io::Result<()> {
    if let Some(program) = &found.program {
        writeln!(out, "program {}", look.paint(Part::Heading, program))?;
    }
    if let Some(source) = &found.source {
        writeln!(out, "    at {source}")?;
    }
    if let Some(insn) = &found.insn {
        writeln!(out, "    insn {insn}")?;
    }
    writeln!(out, "    | {}", found.words)?;
    let Some(rule) = found.rule else {
        return writeln!(out, "    no rule is known for these words");
    };
    let named = look.paint(Part::Error, format!("rule {rule}"));
    writeln!(out, "    {named}: {}", rule.sentence())?;
    for other in &found.others {
        writeln!(out, "    or rule {other}: {}", other.sentence())?;
    }
    writeln!(out)?;
    for line in rule.section("What to change").trim().lines() {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    writeln!(out, "more about it: verdict explain {}", rule.code())
}

fn list(look: Look, out: &mut dyn Write) -> io::Result<()> {
    let width = Rule::ALL.iter().map(|rule| rule.name().len()).max().unwrap_or(0);
    for (i, (category, rules)) in rules_by_category().enumerate() {
        let heading = look.paint(Part::Heading, category.name());
        writeln!(out, "{}{heading}", if i == 0 { "" } else { "\n" })?;
        for rule in rules {
            writeln!(
                out,
                "  {}  {:width$}  {}",
                look.paint(Part::Secondary, rule.code()),
                rule.name(),
                rule.sentence()
            )?;
        }
    }
    Ok(())
}
