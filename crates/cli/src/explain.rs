//! `verdict explain`.

use std::io::Write;

use verdict::kernel::rule::{Category, Rule};

use crate::Done;
use crate::args::ExplainArgs;

/// Prints a rule's page, or lists the rules.
pub(crate) fn run(args: &ExplainArgs, out: &mut dyn Write) -> Done {
    let Some(name) = &args.rule else {
        return list(out);
    };
    let rule = Rule::find(name).ok_or_else(|| format!("no rule '{name}': `verdict explain` lists them"))?;
    write!(out, "{}", rule.page())?;
    Ok(0)
}

fn list(out: &mut dyn Write) -> Done {
    let width = Rule::ALL.iter().map(|rule| rule.name().len()).max().unwrap_or(0);
    for (i, category) in Category::ALL.into_iter().enumerate() {
        writeln!(out, "{}{}", if i == 0 { "" } else { "\n" }, category.name())?;
        for rule in Rule::ALL.iter().filter(|rule| rule.category() == category) {
            writeln!(
                out,
                "  {}  {:width$}  {}",
                rule.code(),
                rule.name(),
                rule.sentence()
            )?;
        }
    }
    Ok(0)
}
