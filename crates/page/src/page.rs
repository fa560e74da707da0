//! Writing the page.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use verdict_kernel::rule::Rule;
use verdict_report::explanation::{Explanation, Source};
use verdict_report::profile::{Figure, Profile, write_flame_graph};
use verdict_report::{CheckEntry, Place, Verdict, refusal_of};

use crate::json;
use crate::listing::Listing;
use crate::walk::Walk;

/// What stands before and behind the data.
const HEAD: &str = include_str!("../assets/head.html");
const STYLE: &str = include_str!("../assets/style.css");
const BODY: &str = include_str!("../assets/body.html");
/// The scripts, in the order in which they run.
const SCRIPTS: [&str; 7] = [
    include_str!("../assets/walk.js"),
    include_str!("../assets/dom.js"),
    include_str!("../assets/overview.js"),
    include_str!("../assets/why.js"),
    include_str!("../assets/state.js"),
    include_str!("../assets/steps.js"),
    include_str!("../assets/main.js"),
];

/// A page that is being written: sheets one by one, and in the end the table of all programs.
pub struct Page<'w> {
    out: &'w mut dyn Write,
    sheets: usize,
    /// The rules that are named, by their codes.
    rules: BTreeMap<&'static str, RuleText>,
}

/// A rule, as a page explains it.
#[derive(Serialize)]
struct RuleText {
    name: &'static str,
    category: &'static str,
    sentence: &'static str,
    page: &'static str,
}

/// How a program ended on a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is loaded.
    Accepted,
    /// It is refused.
    Refused,
    /// Something is not modelled.
    Unsupported,
    /// The verification was given up.
    GaveUp,
}

/// What a kernel says of a program, in short.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// How it ended.
    pub outcome: Outcome,
    /// Processed instructions and kept states.
    pub figures: Option<(u64, u64)>,
    /// The code of the rule that was broken.
    pub rule: Option<&'static str>,
    /// By whom it is refused, or what is not modelled.
    pub words: Option<String>,
    /// The sheet that has more of it.
    pub sheet: Option<usize>,
}

impl Cell {
    /// Of what `check` knows.
    pub fn of(entry: &CheckEntry<'_>) -> Cell {
        let record = entry.record;
        let outcome = match record.verdict {
            Verdict::Success => Outcome::Accepted,
            Verdict::Failure => Outcome::Refused,
            Verdict::Unsupported => Outcome::Unsupported,
            Verdict::GaveUp => Outcome::GaveUp,
        };
        let words = match outcome {
            Outcome::Accepted => None,
            Outcome::Refused => Some(refusal_of(record, entry.errno_name)),
            Outcome::Unsupported => record.unsupported.clone(),
            Outcome::GaveUp => record.undecided().map(|what| format!("gave up: {what}")),
        };
        Cell {
            outcome,
            figures: record
                .figures
                .as_ref()
                .map(|figures| (figures.insns, figures.states)),
            rule: entry.refusal.map(|refusal| refusal.rule.code()),
            words,
            sheet: None,
        }
    }
}

/// A program, with what each kernel says of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// The object's name.
    pub object: String,
    /// The program; none where the object cannot be opened.
    pub program: Option<String>,
    /// By kernel.
    pub cells: Vec<Option<Cell>>,
}

/// The table of all programs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Index {
    /// Names of the kernels.
    pub kernels: Vec<String>,
    /// What has to be known of them, a line each.
    pub notes: Vec<String>,
    /// The programs.
    pub rows: Vec<Row>,
    /// Inputs that could not be used, and why.
    pub unusable: Vec<String>,
}

/// A program on a kernel, with all that is shown of it.
pub struct Sheet<'a> {
    /// What the object is called.
    pub object: &'a str,
    /// What `check` knows.
    pub entry: &'a CheckEntry<'a>,
    /// The kernel.
    pub kernel: &'a str,
    /// Its verification, if it came so far, and where the cost is.
    pub walk: Option<(&'a Listing, &'a Walk, &'a Profile)>,
    /// Why there is no walk, if there could be one.
    pub without: Option<&'a str>,
}

/// A sheet as JSON.
#[derive(Serialize)]
struct SheetData<'a> {
    object: &'a str,
    program: Option<&'a str>,
    kernel: &'a str,
    cell: Cell,
    program_type: Option<&'a str>,
    insn_count: Option<u64>,
    /// The words of the kernel, or of libbpf.
    said: &'a str,
    explanation: Option<&'a Explanation>,
    place: Option<PlaceData<'a>>,
    /// Numbers that the check knew.
    fact: Option<String>,
    advice: Option<&'a str>,
    listing: Option<&'a Listing>,
    walk: Option<&'a Walk>,
    flame: Option<String>,
    without: Option<&'a str>,
}

#[derive(Serialize)]
struct PlaceData<'a> {
    insn: usize,
    text: &'a str,
    source: Option<&'a Source>,
}

impl<'a> PlaceData<'a> {
    fn of(place: &'a Place) -> PlaceData<'a> {
        PlaceData {
            insn: place.insn,
            text: &place.text,
            source: place.source.as_ref(),
        }
    }
}

/// The table as JSON.
#[derive(Serialize)]
struct IndexData<'a> {
    version: &'static str,
    title: &'a str,
    #[serde(flatten)]
    index: &'a Index,
    rules: &'a BTreeMap<&'static str, RuleText>,
}

impl<'w> Page<'w> {
    /// Begins a page.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(out: &'w mut dyn Write) -> io::Result<Page<'w>> {
        writeln!(out, "{HEAD}<style>\n{STYLE}</style>\n</head>\n{BODY}")?;
        Ok(Page {
            out,
            sheets: 0,
            rules: BTreeMap::new(),
        })
    }

    /// Writes a sheet, and gives its number.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn sheet(&mut self, sheet: &Sheet<'_>) -> io::Result<usize> {
        let (record, refusal) = (sheet.entry.record, sheet.entry.refusal);
        if let Some(refusal) = refusal {
            self.name_rule(refusal.rule);
        }
        let name = record.program.as_deref().unwrap_or_default();
        let title = format!("{} {name}", sheet.object);
        let said = record.tail.as_deref().or(record.libbpf.as_deref());
        let fact = refusal.and_then(|refusal| refusal.fact);
        let data = SheetData {
            object: sheet.object,
            program: record.program.as_deref(),
            kernel: sheet.kernel,
            cell: Cell::of(sheet.entry),
            program_type: record.figures.as_ref().map(|figures| figures.prog_type.as_str()),
            insn_count: record.figures.as_ref().map(|figures| figures.prog_size),
            said: said.unwrap_or_default(),
            explanation: refusal.and_then(|refusal| refusal.explanation.as_deref()),
            place: sheet.entry.place.map(PlaceData::of),
            fact: fact
                .filter(|fact| fact.has_numbers())
                .map(|fact| fact.to_string()),
            advice: refusal.and_then(|refusal| Some(refusal.advice.as_ref()?.line.as_str())),
            listing: sheet.walk.map(|walk| walk.0),
            walk: sheet.walk.map(|walk| walk.1),
            flame: sheet.walk.map(|walk| flame(walk.2, &title)).transpose()?,
            without: sheet.without,
        };
        let number = self.sheets;
        self.sheets += 1;
        write!(
            self.out,
            r#"<script type="application/json" id="sheet-{number}">"#
        )?;
        json::write(self.out, &data)?;
        writeln!(self.out, "</script>")?;
        Ok(number)
    }

    fn name_rule(&mut self, rule: Rule) {
        self.rules.entry(rule.code()).or_insert_with(|| RuleText {
            name: rule.name(),
            category: rule.category().name(),
            sentence: rule.sentence(),
            page: rule.page(),
        });
    }

    /// Ends the page with the table.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(self, title: &str, index: &Index) -> io::Result<()> {
        let data = IndexData {
            version: env!("CARGO_PKG_VERSION"),
            title,
            index,
            rules: &self.rules,
        };
        write!(self.out, r#"<script type="application/json" id="index">"#)?;
        json::write(self.out, &data)?;
        writeln!(self.out, "</script>")?;
        for script in SCRIPTS {
            writeln!(self.out, "<script>\n{script}</script>")?;
        }
        writeln!(self.out, "</body>\n</html>")
    }
}

/// The flame graph of processed instructions.
fn flame(profile: &Profile, title: &str) -> io::Result<String> {
    let mut svg = Vec::new();
    write_flame_graph(&mut svg, profile, title, Figure::Insns)?;
    Ok(String::from_utf8_lossy(&svg).into_owned())
}
