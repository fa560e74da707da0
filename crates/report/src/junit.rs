//! JUnit's XML, which build servers read.

use std::fmt;
use std::io::{self, Write};

use crate::xml::Escaped;

/// Test cases that belong together.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What they are about.
    pub name: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A test case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What groups it in reports: an object.
    pub class: String,
    /// Its name: a program.
    pub name: String,
    /// Time taken.
    pub seconds: f64,
    /// Its result.
    pub outcome: Outcome,
    /// What there is to say beside that.
    pub output: Option<String>,
}

/// The result of a test case.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// All is well.
    Passed,
    /// It failed: in one line, and all of it.
    Failed(String, String),
    /// It could not be run: why.
    Unusable(String),
    /// It was not run, or nothing can be said: why.
    Skipped(String),
}

/// How many cases ended how.
#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    seconds: f64,
}

impl Counts {
    fn of<'c>(cases: impl Iterator<Item = &'c Case>) -> Counts {
        let mut counts = Counts::default();
        for case in cases {
            counts.tests += 1;
            counts.seconds += case.seconds;
            match case.outcome {
                Outcome::Passed => {}
                Outcome::Failed(..) => counts.failures += 1,
                Outcome::Unusable(_) => counts.errors += 1,
                Outcome::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            tests,
            failures,
            errors,
            skipped,
            seconds,
        } = self;
        write!(
            f,
            r#"tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}" time="{seconds:.3}""#
        )
    }
}

/// Writes all suites.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, suites: &[Suite]) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let counts = Counts::of(suites.iter().flat_map(|suite| &suite.cases));
    writeln!(out, r#"<testsuites name="verdict" {counts}>"#)?;
    for suite in suites {
        let counts = Counts::of(suite.cases.iter());
        writeln!(out, r#"  <testsuite name="{}" {counts}>"#, Escaped(&suite.name))?;
        for case in &suite.cases {
            write_case(out, case)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn write_case(out: &mut dyn Write, case: &Case) -> io::Result<()> {
    write!(
        out,
        r#"    <testcase classname="{}" name="{}" time="{:.3}">"#,
        Escaped(&case.class),
        Escaped(&case.name),
        case.seconds
    )?;
    match &case.outcome {
        Outcome::Passed => {}
        Outcome::Failed(line, all) => write!(
            out,
            r#"<failure message="{}">{}</failure>"#,
            Escaped(line),
            Escaped(all)
        )?,
        Outcome::Unusable(why) => write!(out, r#"<error message="{}"/>"#, Escaped(why))?,
        Outcome::Skipped(why) => write!(out, r#"<skipped message="{}"/>"#, Escaped(why))?,
    }
    if let Some(output) = &case.output {
        write!(out, "<system-out>{}</system-out>", Escaped(output))?;
    }
    writeln!(out, "</testcase>")
}
