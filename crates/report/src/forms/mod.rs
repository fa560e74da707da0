//! Forms that machines read: what `verdict check` says, a module for each form, and the JSON of all commands.

mod github;
mod gitlab;
mod json;
mod junit;
mod lists;
mod markdown;
mod message;
mod sarif;

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use verdict_kernel::rule::Rule;

use crate::minimum::minimum_counts;
use crate::{CheckSummary, Finding, MatrixRow, Minimum, Verdict, Which};

pub(crate) use json::Said;
pub use json::{DocumentHead, Figured, Json, SCHEMA, write_json, write_records};
pub use lists::{
    KernelEntry, rules_by_category, write_explained, write_kernels, write_rules, write_settings,
};
pub(crate) use lists::{assumed_switches, unknown_switches, ways};
pub use markdown::{escaped, write_table};

/// A form that machines read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON document: kernels, records, counts.
    Json,
    /// The records, a line each.
    Jsonl,
    /// SARIF 2.1.0, as code scanning reads it.
    Sarif,
    /// JUnit's XML: a test case for each program.
    Junit,
    /// Workflow commands of GitHub's CI: an annotation for each reason.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// A page in GitHub's Markdown.
    Markdown,
}

/// All that there is to say.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The version of verdict.
    pub version: &'a str,
    /// The kernels' names.
    pub kernels: &'a [&'a str],
    /// What has to be known of them, a line each: that rules are assumed, or not known.
    pub notes: &'a [String],
    /// The programs.
    pub rows: &'a [MatrixRow<'a>],
    /// Inputs of which nothing can be said.
    pub unusable: &'a [Unusable],
    /// For each kernel, or for all of them together when they were asked for the oldest.
    pub summaries: &'a [CheckSummary],
    /// What was asked.
    pub question: Question<'a>,
    /// The current directory: where relative paths begin.
    pub directory: &'a str,
    /// The directory from which files are named that lie below it, for those who show them.
    pub root: &'a str,
}

/// What was asked of the kernels.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// What they say of each program.
    Programs,
    /// From which of them on each program loads.
    Minimum,
    /// Whether objects load whole.
    Whole(&'a [Loaded]),
}

/// An object that was loaded whole.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Where it lies, as it was named.
    pub path: String,
    /// Its file name.
    pub object: String,
    /// Whether it loads.
    pub loads: bool,
    /// The program at which loading it ends.
    pub ends_at: Option<String>,
}

/// An input of which nothing can be said.
#[derive(Clone, Debug)]
pub struct Unusable {
    /// Where it lies, as it was named.
    pub path: String,
    /// Why.
    pub message: String,
    /// The rule by which a library refuses to open it.
    pub rule: Option<Rule>,
}

impl Report<'_> {
    /// Writes it in a form.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write, form: Form) -> io::Result<()> {
        match form {
            Form::Json => json::write(out, Json::Document, self),
            Form::Jsonl => json::write(out, Json::Lines, self),
            Form::Sarif => sarif::write(out, self),
            Form::Junit => junit::write(out, self),
            Form::Github => github::write(out, self),
            Form::Gitlab => gitlab::write(out, self),
            Form::Markdown => markdown::write(out, self),
        }
    }

    /// Whose reasons are told.
    fn which(&self) -> Which {
        match self.question {
            Question::Minimum => Which::Before,
            Question::Programs | Question::Whole(_) => Which::All,
        }
    }

    /// What a row comes to on one of the kernels, or altogether when they were asked for the oldest.
    fn verdict(&self, row: &MatrixRow<'_>, kernel: usize) -> Option<Verdict> {
        match self.question {
            Question::Minimum => Some(Minimum::of(row).verdict(row)),
            _ => Some(row.entries.get(kernel)?.as_ref()?.record.verdict),
        }
    }

    /// Whether a reason is one for which any of its programs fails.
    fn fails(&self, finding: &Finding<'_>) -> bool {
        let mut programs = finding.of.iter();
        programs.any(|(row, kernels)| {
            let mut verdicts = kernels.iter().map(|kernel| self.verdict(row, *kernel));
            verdicts.any(|verdict| verdict == Some(Verdict::Failure))
        })
    }

    /// The counts in words, a line each.
    fn counts(&self) -> Vec<String> {
        let mut lines = match self.question {
            Question::Whole(loaded) => {
                let whole = loaded.iter().filter(|object| object.loads).count();
                let others = loaded.len() - whole;
                vec![format!("{whole} objects load whole, {others} do not")]
            }
            _ => Vec::new(),
        };
        match self.summaries {
            _ if matches!(self.question, Question::Minimum) => {
                lines.push(minimum_counts(self.kernels, self.rows));
            }
            [summary] => lines.push(summary.to_string()),
            summaries => lines.extend(
                self.kernels
                    .iter()
                    .zip(summaries)
                    .map(|(name, summary)| format!("{name}: {summary}")),
            ),
        }
        lines
    }

    /// A file as it is seen from the root, if it lies below.
    fn seen(&self, file: &str) -> String {
        let whole = Path::new(self.directory).join(file);
        let mut plain = PathBuf::new();
        for part in whole.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
                part => plain.push(part),
            }
        }
        let below = plain.strip_prefix(self.root).ok().and_then(Path::to_str);
        let below = below.filter(|below| !below.is_empty() && !self.root.is_empty());
        below.unwrap_or(file.trim_start_matches("./")).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_seen_from_the_checkout() {
        let seen = |directory, root, file: &str| {
            let report = Report {
                version: "",
                kernels: &[],
                notes: &[],
                rows: &[],
                unusable: &[],
                summaries: &[],
                question: Question::Programs,
                directory,
                root,
            };
            report.seen(file)
        };
        for (file, expected) in [
            ("a.c", "src/a.c"),
            ("./a.c", "src/a.c"),
            ("../lib/b.h", "lib/b.h"),
            ("/work/src/a.c", "src/a.c"),
            ("/work/./c.c", "c.c"),
            ("/usr/include/d.h", "/usr/include/d.h"),
            ("../../e.c", "../../e.c"),
            ("/work2/f.c", "/work2/f.c"),
        ] {
            assert_eq!(seen("/work/src", "/work", file), expected, "{file}");
        }
        assert_eq!(seen("/work", "/work", "/work/src/a.c"), "src/a.c");
        assert_eq!(seen("/work", "/work", "./a.c"), "a.c");
        assert_eq!(seen("", "", "./a.c"), "a.c");
    }
}
