//! veristat's filters: by file and program, and by figures.

use std::fmt;

use crate::spec::Figure;
use crate::{Joined, Row};

/// What to leave in and what to leave out. Left in is what no denying filter matches, and of allowing filters of a
/// kind, if there are any, at least one.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    allow: Vec<Filter>,
    deny: Vec<Filter>,
}

#[derive(Clone, Debug)]
enum Filter {
    Name(NameFilter),
    Figure(FigureFilter),
}

/// `GLOB`, which the file or the program matches; `FILE/PROGRAM`, `FILE/` or `/PROGRAM`.
#[derive(Clone, Debug)]
enum NameFilter {
    Any(String),
    Both {
        file: Option<String>,
        program: Option<String>,
    },
}

/// `insns>100`.
#[derive(Clone, Copy, Debug)]
struct FigureFilter {
    figure: Figure,
    operator: Operator,
    value: i64,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// In the order in which they are looked for, so that none is found within another.
const OPERATORS: [(&str, Operator); 8] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<>", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    ("<", Operator::Less),
    (">=", Operator::GreaterOrEqual),
    (">", Operator::Greater),
    ("=", Operator::Equal),
];

/// Words for numbers: verdicts, and whether verdicts match.
const WORDS: [(i64, &[&str]); 3] = [
    (1, &["true", "t", "success", "succ", "s", "match", "m"]),
    (0, &["false", "f", "failure", "fail", "mismatch", "mis"]),
    (2, &["unsupported"]),
];

/// Why something is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// The figure is unknown.
    Unknown(String),
    /// The figure is no number.
    NotANumber(String),
    /// It is compared with something else than a whole number.
    Value(String),
    /// Nothing is left to compare with.
    Empty(String),
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FilterError::Unknown(text) => write!(f, "Unrecognized stat name in '{text}'!"),
            FilterError::NotANumber(text) => write!(f, "Non-integer stat is specified in '{text}'!"),
            FilterError::Value(text) => write!(f, "Invalid integer value in '{text}'!"),
            FilterError::Empty(text) => write!(f, "Invalid filter: '{text}'"),
        }
    }
}

impl std::error::Error for FilterError {}

impl Filters {
    /// Adds a filter; with a `!` before it, it denies.
    ///
    /// # Errors
    /// When it is none.
    pub fn add(&mut self, text: &str) -> Result<(), FilterError> {
        match text.strip_prefix('!') {
            Some(denied) => self.deny.push(Filter::parse(denied)?),
            None => self.allow.push(Filter::parse(text)?),
        }
        Ok(())
    }

    /// Adds the filters of a list, one a line; lines that start with `#` are remarks.
    ///
    /// # Errors
    /// Those of the first line that is no filter.
    pub fn add_list(&mut self, text: &str) -> Result<(), FilterError> {
        list_lines(text).try_for_each(|line| self.add(line))
    }

    /// Whether some program of the file may be wanted.
    pub fn wants_file(&self, file: &str) -> bool {
        let denied = self.deny_names().any(|filter| filter.matches(file, None));
        !denied && passes(self.allow_names(), |filter| filter.may_match(file))
    }

    /// Whether the program is wanted.
    pub fn wants_program(&self, file: &str, program: &str) -> bool {
        let matches = |filter: &NameFilter| filter.matches(file, Some(program));
        !self.deny_names().any(matches) && passes(self.allow_names(), matches)
    }

    /// Whether the figures are wanted.
    pub fn wants_row(&self, row: &Row) -> bool {
        let matches = |filter: &FigureFilter| {
            filter
                .figure
                .of_row(row)
                .is_some_and(|number| filter.operator.holds(number.cmp(&filter.value)))
        };
        !figures(&self.deny).any(matches) && passes(figures(&self.allow), matches)
    }

    /// Whether the comparison is wanted. What a side lacks is unequal to every number, and neither more nor less.
    pub fn wants_joined(&self, row: &Joined<'_>) -> bool {
        let matches = |filter: &FigureFilter| match filter.figure.of_joined(row) {
            Some(number) => filter.operator.holds_about(number, filter.value as f64),
            None => matches!(filter.operator, Operator::Unequal),
        };
        !figures(&self.deny).any(matches) && passes(figures(&self.allow), matches)
    }

    /// The figures that filters ask for.
    pub fn figures(&self) -> impl Iterator<Item = Figure> {
        figures(&self.allow)
            .chain(figures(&self.deny))
            .map(|filter| filter.figure)
    }

    fn allow_names(&self) -> impl Iterator<Item = &NameFilter> {
        names(&self.allow)
    }

    fn deny_names(&self) -> impl Iterator<Item = &NameFilter> {
        names(&self.deny)
    }
}

fn names(filters: &[Filter]) -> impl Iterator<Item = &NameFilter> {
    filters.iter().filter_map(|filter| match filter {
        Filter::Name(name) => Some(name),
        Filter::Figure(_) => None,
    })
}

fn figures(filters: &[Filter]) -> impl Iterator<Item = &FigureFilter> {
    filters.iter().filter_map(|filter| match filter {
        Filter::Figure(figure) => Some(figure),
        Filter::Name(_) => None,
    })
}

/// Whether one of the allowing filters holds, or there are none.
fn passes<'f, T: 'f>(filters: impl Iterator<Item = &'f T>, holds: impl Fn(&T) -> bool) -> bool {
    let mut filters = filters.peekable();
    filters.peek().is_none() || filters.any(holds)
}

/// The lines of a list that say something.
pub fn list_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Filter {
    fn parse(text: &str) -> Result<Filter, FilterError> {
        let found = OPERATORS
            .iter()
            .find_map(|(sign, operator)| Some((text.split_once(sign)?, *operator)));
        match found {
            Some(((name, value), operator)) => {
                let figure = Figure::from_name(name).ok_or_else(|| FilterError::Unknown(text.to_owned()))?;
                if !figure.column.is_numeric() {
                    return Err(FilterError::NotANumber(text.to_owned()));
                }
                let value = parse_value(value).ok_or_else(|| FilterError::Value(text.to_owned()))?;
                Ok(Filter::Figure(FigureFilter {
                    figure,
                    operator,
                    value,
                }))
            }
            None => NameFilter::parse(text)
                .map(Filter::Name)
                .ok_or_else(|| FilterError::Empty(text.to_owned())),
        }
    }
}

fn parse_value(text: &str) -> Option<i64> {
    let word = WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| word.eq_ignore_ascii_case(text)));
    match word {
        Some((value, _)) => Some(*value),
        None => text.trim_start().parse().ok(),
    }
}

impl NameFilter {
    fn parse(text: &str) -> Option<NameFilter> {
        let some = |part: &str| (!part.is_empty()).then(|| part.to_owned());
        // Programs have no slash in their names; files have, where directories tell them apart.
        match text.rsplit_once('/') {
            None => some(text).map(NameFilter::Any),
            Some((file, program)) => {
                let (file, program) = (some(file), some(program));
                (file.is_some() || program.is_some()).then_some(NameFilter::Both { file, program })
            }
        }
    }

    fn matches(&self, file: &str, program: Option<&str>) -> bool {
        match self {
            NameFilter::Any(glob) => {
                file_matches(file, glob) || program.is_some_and(|name| matches(name, glob))
            }
            NameFilter::Both {
                file: file_glob,
                program: program_glob,
            } => {
                file_glob.as_ref().is_none_or(|glob| file_matches(file, glob))
                    && program_glob
                        .as_ref()
                        .is_none_or(|glob| program.is_some_and(|name| matches(name, glob)))
            }
        }
    }

    /// Whether a program of the file could match.
    fn may_match(&self, file: &str) -> bool {
        match self {
            NameFilter::Any(_) => true,
            NameFilter::Both { file: glob, .. } => glob.as_ref().is_none_or(|glob| file_matches(file, glob)),
        }
    }
}

/// Whether a file matches a glob, with all the directories that tell it from others or some of them.
fn file_matches(file: &str, glob: &str) -> bool {
    let ends = file.match_indices('/').filter_map(|(at, _)| file.get(at + 1..));
    matches(file, glob) || ends.into_iter().any(|end| matches(end, glob))
}

/// Whether the text matches a glob, in which only `*` is special.
fn matches(text: &str, glob: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty(); // no star
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl Operator {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Operator::Equal => order.is_eq(),
            Operator::Unequal => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
        }
    }

    /// The same of numbers that are not exact.
    fn holds_about(self, a: f64, b: f64) -> bool {
        const CLOSE: f64 = 1e-9;
        let order = if (a - b).abs() < CLOSE {
            std::cmp::Ordering::Equal
        } else {
            a.total_cmp(&b)
        };
        self.holds(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(all: &[&str]) -> Filters {
        let mut filters = Filters::default();
        for filter in all {
            filters.add(filter).unwrap();
        }
        filters
    }

    #[test]
    fn globs() {
        for (text, glob) in [
            ("abc", "abc"),
            ("abc", "*"),
            ("abc", "a*"),
            ("abc", "*c"),
            ("abc", "*b*"),
            ("abcabc", "a*bc"),
            ("", "**"),
            ("aXbXc", "a*b*c"),
        ] {
            assert!(matches(text, glob), "{text} {glob}");
        }
        for (text, glob) in [
            ("abc", "ab"),
            ("abc", ""),
            ("ab", "ab*b"),
            ("abc", "*d*"),
            ("a", "?"),
        ] {
            assert!(!matches(text, glob), "{text} {glob}");
        }
    }

    #[test]
    fn names() {
        let both = filters(&["loop*/nested", "!*/x", "!bad.o/"]);
        assert!(both.wants_file("loop1.o") && !both.wants_file("other.o") && !both.wants_file("bad.o"));
        assert!(both.wants_program("loop1.o", "nested") && !both.wants_program("loop1.o", "x"));
        let any = filters(&["nested"]);
        assert!(any.wants_file("other.o") && !any.wants_program("other.o", "p"));
        assert!(any.wants_program("nested", "p") && any.wants_program("o", "nested"));
        assert!(filters(&["!p"]).wants_program("o", "q"));
    }

    #[test]
    fn signs_count_unless_taken_off() {
        let row = |insns| Row {
            insns,
            ..Row::default()
        };
        let (few, many) = (row(10), row(30));
        let (shrunk, grown) = (
            Joined {
                a: Some(&many),
                b: Some(&few),
            },
            Joined {
                a: Some(&few),
                b: Some(&many),
            },
        );
        let less = filters(&["insns_diff<0"]);
        assert!(less.wants_joined(&shrunk) && !less.wants_joined(&grown));
        let any = filters(&["|insns_diff|>=20"]);
        assert!(any.wants_joined(&shrunk) && any.wants_joined(&grown));
        let gone = Joined {
            a: Some(&few),
            b: None,
        };
        assert!(!less.wants_joined(&gone) && !filters(&["insns>0"]).wants_joined(&gone));
        assert!(filters(&["insns_a<=10"]).wants_joined(&gone) && filters(&["insns!=1"]).wants_joined(&gone));
    }

    #[test]
    fn words_and_errors() {
        let row = Row::default();
        assert!(filters(&["verdict=F"]).wants_row(&row) && !filters(&["!verdict=fail"]).wants_row(&row));
        let error = |text| Filters::default().add(text).unwrap_err().to_string();
        assert_eq!(error("x>1"), "Unrecognized stat name in 'x>1'!");
        assert_eq!(error("prog=1"), "Non-integer stat is specified in 'prog=1'!");
        assert_eq!(error("!insns>"), "Invalid integer value in 'insns>'!");
        assert_eq!(error("/"), "Invalid filter: '/'");
        let mut list = Filters::default();
        list.add_list("# remark\n\n  insns>1\n!a\n").unwrap();
        assert_eq!((list.allow.len(), list.deny.len()), (1, 1));
    }

    #[test]
    fn directories_need_not_be_named() {
        let wants = |filter: &str, file: &str| filters(&[filter]).wants_program(file, "p");
        for filter in ["x.o/p", "a/x.o/p", "*/x.o/", "x.o", "x.o/"] {
            assert!(wants(filter, "b/a/x.o"), "{filter}");
        }
        assert!(!wants("c/x.o/p", "b/a/x.o") && !wants("a/x.o/p", "x.o") && !wants("o/p", "x.o"));
    }
}
