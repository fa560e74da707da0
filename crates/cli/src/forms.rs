//! The forms of `verdict check` that machines read.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use verdict::shown_path;
use verdict_report::forms::{Form, Question, Report, Unusable};
use verdict_report::{CheckSummary, MatrixRow};

use crate::{Trouble, run, step_summary};

/// What there is to say, beside how it is written.
pub(crate) struct Said<'a> {
    pub(crate) kernels: &'a [&'a str],
    /// What has to be known of the kernels.
    pub(crate) notes: &'a [String],
    pub(crate) rows: &'a [MatrixRow<'a>],
    pub(crate) unusable: &'a [Unusable],
    pub(crate) summaries: &'a [CheckSummary],
    pub(crate) question: Question<'a>,
}

/// Writes it in this form. That of GitHub's CI has a page for the step beside it.
pub(crate) fn write(out: &mut dyn Write, form: Form, said: Said<'_>) -> Result<(), Trouble> {
    let directory = env::current_dir().unwrap_or_default();
    let root = root(&directory);
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        kernels: said.kernels,
        notes: said.notes,
        rows: said.rows,
        unusable: said.unusable,
        summaries: said.summaries,
        question: said.question,
        directory: &directory.to_string_lossy(),
        root: &root.to_string_lossy(),
    };
    report.write(out, form)?;
    out.flush()?;
    if form == Form::Github {
        step_summary::append(|page| report.write(page, Form::Markdown))?;
    }
    Ok(())
}

/// Where those who show the answers see files from: on a build server the checkout, elsewhere the current directory.
fn root(directory: &Path) -> PathBuf {
    let checkouts = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"]
        .into_iter()
        .filter_map(env::var_os);
    let mut checkouts = checkouts.filter_map(|checkout| fs::canonicalize(checkout).ok());
    let checkout = checkouts.find(|checkout| directory.starts_with(checkout));
    checkout.unwrap_or_else(|| directory.to_owned())
}

/// An input of which nothing can be said.
pub(crate) fn unusable(path: &Path, unusable: &run::Unusable) -> Unusable {
    Unusable {
        path: shown_path(path),
        message: unusable.message.clone(),
        rule: unusable.rule,
    }
}
