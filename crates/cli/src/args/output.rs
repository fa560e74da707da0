//! How answers are printed.

use std::io;

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use verdict_report::forms::{Form, Json};
use verdict_report::{Column, Format, Look, parse_columns};

/// Whether words are coloured.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ColorArgs {
    /// When to colour verdict's own text. auto: on a terminal, unless NO_COLOR is set, and everywhere if CLICOLOR_FORCE is
    /// set. Figures and logs are never coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// When words are coloured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl ColorArgs {
    /// How the words look on standard output.
    pub(crate) fn look(&self) -> Look {
        self.look_where(|| AutoStream::choice(&io::stdout()))
    }

    /// How they look on standard error.
    pub(crate) fn look_of_errors(&self) -> Look {
        self.look_where(|| AutoStream::choice(&io::stderr()))
    }

    fn look_where(&self, auto: impl FnOnce() -> ColorChoice) -> Look {
        let choice = match self.color {
            Color::Auto => auto(),
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Look {
            colour: choice != ColorChoice::Never,
            ..Look::PLAIN
        }
    }
}

/// Forms of what is said of programs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckOutput {
    /// Text for people
    Text,
    /// One JSON document with records and counts (schema: docs/schema/verdict-1.json)
    Json,
    /// The same records, one per line
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML for build servers, one test case per program
    Junit,
    /// GitHub workflow commands, shown as annotations; Markdown is added to the step's summary
    Github,
    /// GitLab code quality report
    Gitlab,
    /// GitHub-flavoured Markdown, for comments and summaries
    Markdown,
}

impl CheckOutput {
    /// The form, unless it is text.
    pub(crate) fn form(self) -> Option<Form> {
        Some(match self {
            CheckOutput::Text => return None,
            CheckOutput::Json => Form::Json,
            CheckOutput::Jsonl => Form::Jsonl,
            CheckOutput::Sarif => Form::Sarif,
            CheckOutput::Junit => Form::Junit,
            CheckOutput::Github => Form::Github,
            CheckOutput::Gitlab => Form::Gitlab,
            CheckOutput::Markdown => Form::Markdown,
        })
    }
}

/// Forms of figures.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FigureOutput {
    /// Aligned columns
    Table,
    /// Comma-separated values
    Csv,
    /// One JSON document (schema: docs/schema/verdict-1.json)
    Json,
    /// Its records, one per line
    Jsonl,
    /// A Markdown table with totals
    Markdown,
}

impl FigureOutput {
    pub(crate) fn format(self) -> Format {
        match self {
            FigureOutput::Table => Format::Table,
            FigureOutput::Csv => Format::Csv,
            FigureOutput::Markdown => Format::Markdown,
            FigureOutput::Json => Format::Json,
            FigureOutput::Jsonl => Format::Jsonl,
        }
    }
}

/// Forms of what is for people otherwise.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOutput {
    /// Text for people
    Text,
    /// One JSON document (schema: docs/schema/verdict-1.json)
    Json,
    /// Its records, one per line
    Jsonl,
}

impl TextOutput {
    /// The form of JSON, unless it is text.
    pub(crate) fn json(self) -> Option<Json> {
        match self {
            TextOutput::Text => None,
            TextOutput::Json => Some(Json::Document),
            TextOutput::Jsonl => Some(Json::Lines),
        }
    }
}

/// The form of what is for people otherwise.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct TextArgs {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: TextOutput,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

/// Forms of the results of tests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestOutput {
    /// One line per test, failures and counts
    Text,
    /// One JSON document (schema: docs/schema/verdict-1.json)
    Json,
    /// Its records, one per line
    Jsonl,
    /// JUnit XML
    Junit,
}

/// Forms of a profile.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileOutput {
    /// Tables, for people
    Text,
    /// One JSON document (schema: docs/schema/verdict-1.json)
    Json,
    /// Its record on one line
    Jsonl,
    /// Folded stacks, as flame graph tools read them
    Folded,
}

/// What of a program is counted.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileFigure {
    /// Instructions processed
    Insns,
    /// States kept for comparison
    States,
    /// Paths ended by an explored state
    Hits,
    /// Explored states that did not match
    Misses,
}

/// A list of columns, as one value of the command line.
#[derive(Clone)]
pub(crate) struct Columns(pub(crate) Vec<Column>);

/// Reads a list of columns.
pub(super) fn columns(list: &str) -> Result<Columns, verdict_report::UnknownColumn> {
    parse_columns(list).map(Columns)
}
