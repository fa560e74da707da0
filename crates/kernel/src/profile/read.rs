//! Reading a profile's two files. `build.rs` uses this file too: what is embedded was read by the same rules.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::limits::{Limits, Machine};

/// `release.toml`: what a kernel is called and what holds for it beside its switches.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Release {
    /// Its full name, which is its release.
    pub(crate) name: String,
    /// Other names for it.
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    /// What it is, in a line.
    pub(crate) doc: String,
    /// Major, minor and patch level.
    pub(crate) version: (u8, u8, u16),
    /// What `/proc/version` says there: release, who built it with what, and version, as uname(2) has them, too.
    #[serde(default)]
    pub(crate) banner: Option<String>,
    /// Whether it is the kernel that is taken when none is named.
    #[serde(default)]
    pub(crate) default: bool,
    /// The tables of helpers, kfuncs, contexts and map types that hold.
    pub(crate) tables: String,
    /// Helpers whose prototypes are those of other tables, by name.
    #[serde(default)]
    pub(crate) prototypes: BTreeMap<String, String>,
    /// What of it is not modelled, a line each.
    #[serde(default)]
    pub(crate) missing: Vec<String>,
    /// What the kernel was asked and answered otherwise than its tables have it.
    #[serde(default)]
    pub(crate) unsure: Vec<Unsure>,
    /// Bounds on programs and on the work of verifying them.
    pub(crate) limits: Limits,
    /// The machine that it runs on when nothing else is said.
    pub(crate) machine: Machine,
}

/// Facts about the programs of a type that a kernel was asked about and that no known table has so: what depends on them is not
/// known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Unsure {
    /// `BPF_PROG_TYPE_*`.
    pub prog_type: u32,
    /// Whether such programs are loaded at all.
    #[serde(default)]
    pub all: bool,
    /// Numbers of helpers.
    #[serde(default)]
    pub helpers: Vec<u32>,
    /// Names of kernel functions.
    #[serde(default)]
    pub kfuncs: Vec<String>,
    /// Names of what they attach to.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Offsets and sizes of the context that are read.
    #[serde(default)]
    pub reads: Vec<(i16, u32)>,
    /// The same of what is written.
    #[serde(default)]
    pub writes: Vec<(i16, u32)>,
}

/// What kind of evidence a switch's value has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    Source,
    Probed,
    Assumed,
    Unknown,
}

/// A line of `semantics.toml`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row<'s> {
    pub(crate) family: Cow<'s, str>,
    pub(crate) switch: Cow<'s, str>,
    pub(crate) is: Cow<'s, str>,
    pub(crate) how: How,
    pub(crate) note: Cow<'s, str>,
}

/// Why a profile's files could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FormError {
    /// Not text, not TOML, or not of the expected form.
    Toml(String),
    /// A switch's value does not name exactly one kind of evidence (`source`, `probed`, `assumed`, `unknown`).
    Evidence {
        /// Family and switch, joined by a dot.
        switch: String,
        /// How many it names.
        kinds: usize,
    },
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormError::Toml(message) => f.write_str(message.trim_end()),
            FormError::Evidence { switch, kinds } => write!(
                f,
                "'{switch}' has {kinds} kinds of evidence; exactly one of 'source', 'probed', 'assumed' and 'unknown' was expected"
            ),
        }
    }
}

impl std::error::Error for FormError {}

/// A switch's value as `semantics.toml` has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    is: String,
    source: Option<String>,
    probed: Option<String>,
    assumed: Option<String>,
    unknown: Option<String>,
}

/// Reads `release.toml`.
pub(crate) fn release(text: &[u8]) -> Result<Release, FormError> {
    toml::from_str(utf8(text)?).map_err(|e| FormError::Toml(e.to_string()))
}

/// Reads `semantics.toml`; whether it has the right switches is for `Semantics` to say.
pub(crate) fn semantics(text: &[u8]) -> Result<Vec<Row<'static>>, FormError> {
    let families: BTreeMap<String, BTreeMap<String, Entry>> =
        toml::from_str(utf8(text)?).map_err(|e| FormError::Toml(e.to_string()))?;
    let mut rows = Vec::new();
    for (family, switches) in families {
        for (switch, entry) in switches {
            let evidence = [
                (How::Source, entry.source),
                (How::Probed, entry.probed),
                (How::Assumed, entry.assumed),
                (How::Unknown, entry.unknown),
            ];
            let mut named: Vec<_> = evidence
                .into_iter()
                .filter_map(|(how, note)| Some((how, note?)))
                .collect();
            let kinds = named.len();
            let (Some((how, note)), 1) = (named.pop(), kinds) else {
                let switch = format!("{family}.{switch}");
                return Err(FormError::Evidence { switch, kinds });
            };
            rows.push(Row {
                family: family.clone().into(),
                switch: switch.into(),
                is: entry.is.into(),
                how,
                note: note.into(),
            });
        }
    }
    Ok(rows)
}

fn utf8(text: &[u8]) -> Result<&str, FormError> {
    std::str::from_utf8(text).map_err(|e| FormError::Toml(e.to_string()))
}
