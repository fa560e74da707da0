//! What verdict knows, as JSON: kernels, switches, rules, and what logs say of refusals.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};
use verdict_kernel::rule::explain::Explained;
use verdict_kernel::rule::{Category, Rule};
use verdict_kernel::semantics::{Evidence, Provenance};
use verdict_kernel::{Kernel, KernelError, Known, SWITCHES};

use super::json::{DocumentHead, Json, Named, write_json};

fn head(command: &str) -> DocumentHead<'_> {
    DocumentHead {
        command,
        ..DocumentHead::default()
    }
}

/// A kernel, and how it is known what it decides.
#[derive(Debug, Serialize)]
pub struct KernelEntry {
    kernel: &'static str,
    aliases: &'static [&'static str],
    default: bool,
    about: &'static str,
    /// How many switches are known how.
    switches: Map<String, Value>,
    assumed: Vec<Value>,
    missing: &'static [&'static str],
}

impl KernelEntry {
    /// One of the known kernels.
    ///
    /// # Errors
    /// Those of its profile.
    pub fn of(known: &'static Known, default: bool) -> Result<KernelEntry, KernelError> {
        let evidence = known.evidence()?;
        Ok(KernelEntry {
            kernel: known.name,
            aliases: known.aliases,
            default,
            about: known.doc,
            switches: ways(&evidence),
            assumed: assumed_switches(&evidence),
            missing: known.missing,
        })
    }
}

/// How many switches are known how.
pub(crate) fn ways(evidence: &Evidence) -> Map<String, Value> {
    let mut counts = Map::new();
    for way in ["source", "probed", "assumed"] {
        let count = evidence.iter().filter(|(_, how)| told(how).0 == way).count();
        counts.insert(way.to_owned(), count.into());
    }
    // Only captures have such.
    if let unknown @ 1.. = evidence.unknown().count() {
        counts.insert("unknown".to_owned(), unknown.into());
    }
    counts
}

/// The switches that are only assumed.
pub(crate) fn assumed_switches(evidence: &Evidence) -> Vec<Value> {
    noted(evidence, |how| matches!(how, Provenance::Assumed(_)))
}

/// The switches whose value is not known.
pub(crate) fn unknown_switches(evidence: &Evidence) -> Vec<Value> {
    noted(evidence, |how| matches!(how, Provenance::Unknown(_)))
}

/// The switches that are known so, and what is noted of them.
fn noted(evidence: &Evidence, wanted: fn(&Provenance) -> bool) -> Vec<Value> {
    evidence
        .iter()
        .filter(|(_, how)| wanted(how))
        .map(|(switch, how)| json!({ "switch": switch.name, "note": told(how).1 }))
        .collect()
}

/// How something is known, as `semantics.toml` says it, and by what.
fn told(how: &Provenance) -> (&'static str, Option<&str>) {
    match how {
        Provenance::Source(note) => ("source", Some(note)),
        Provenance::Probed(note) => ("probed", Some(note)),
        Provenance::Assumed(note) => ("assumed", Some(note)),
        Provenance::Unknown(note) => ("unknown", Some(note)),
        Provenance::Chosen => ("chosen", None),
    }
}

/// Writes the kernels.
///
/// # Errors
/// Those of the writer.
pub fn write_kernels(out: &mut dyn Write, form: Json, kernels: &[KernelEntry]) -> io::Result<()> {
    write_json(out, form, &head("kernels"), kernels, None::<()>)
}

/// Writes the verifier's switches, with their settings in these kernels.
///
/// # Errors
/// Those of the writer.
pub fn write_settings(out: &mut dyn Write, form: Json, kernels: &[Kernel]) -> io::Result<()> {
    let names: Vec<_> = kernels.iter().map(|kernel| kernel.name.as_str()).collect();
    let head = DocumentHead {
        kernels: &names,
        ..head("switches")
    };
    let records = SWITCHES.iter().map(|switch| {
        let values = switch.values.iter();
        let needed = switch.prerequisites.iter();
        let settings = kernels.iter().map(|kernel| {
            let how = kernel.evidence.get(switch.name).map(told);
            json!({
                "kernel": kernel.name,
                "value": kernel.semantics.get(switch.name),
                "known_by": how.map(|(way, _)| way),
                "note": how.and_then(|(_, note)| note),
            })
        });
        json!({
            "switch": switch.name,
            "family": switch.family,
            "about": switch.doc.trim(),
            "values": values
                .map(|value| json!({ "value": value.name, "about": value.doc.trim() }))
                .collect::<Vec<_>>(),
            "needs": needed
                .map(|need| json!({ "value": need.value, "switch": need.needs, "to_be": need.to_be }))
                .collect::<Vec<_>>(),
            "upstream": switch.upstream,
            "corpus": format!("corpus/{}.bpf.c", switch.corpus),
            "settings": settings.collect::<Vec<_>>(),
        })
    });
    write_json(out, form, &head, records, None::<()>)
}

/// A rule, as JSON.
#[derive(Serialize)]
struct RuleEntry {
    rule: Named,
    category: &'static str,
    sentence: &'static str,
    /// Its page, in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'static str>,
}

/// Writes rules, with their pages or without.
///
/// # Errors
/// Those of the writer.
pub fn write_rules(
    out: &mut dyn Write,
    form: Json,
    rules: impl IntoIterator<Item = Rule>,
    pages: bool,
) -> io::Result<()> {
    let entry = |rule: Rule| RuleEntry {
        rule: rule.into(),
        category: rule.category().name(),
        sentence: rule.sentence(),
        page: pages.then(|| rule.page()),
    };
    write_json(
        out,
        form,
        &head("explain"),
        rules.into_iter().map(entry),
        None::<()>,
    )
}

/// All rules, category by category.
pub fn rules_by_category() -> impl Iterator<Item = (Category, Vec<Rule>)> {
    Category::ALL.into_iter().map(|category| {
        let of_it = Rule::ALL
            .iter()
            .copied()
            .filter(|rule| rule.category() == category);
        (category, of_it.collect())
    })
}

/// What a log says of a refusal, as JSON.
#[derive(Serialize)]
struct RefusalEntry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
    /// The kernel's words.
    tail: &'a str,
    /// `null`: none is known for these words.
    rule: Option<Named>,
    others: Vec<Named>,
    /// The instruction before them, as the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    insn_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_text: Option<&'a str>,
    /// What to change, in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

/// Writes what a log says of refusals.
///
/// # Errors
/// Those of the writer.
pub fn write_explained(out: &mut dyn Write, form: Json, found: &[Explained]) -> io::Result<()> {
    let entry = |found: &'_ Explained| -> Value {
        let help = found.rule.map(|rule| rule.section("What to change").trim());
        let entry = RefusalEntry {
            program: found.program.as_deref(),
            tail: &found.words,
            rule: found.rule.map(Named::from),
            others: found.others.iter().map(|rule| Named::from(*rule)).collect(),
            insn_text: found.insn.as_deref(),
            source_text: found.source.as_deref(),
            help,
        };
        // Strings only: nothing that could fail.
        serde_json::to_value(entry).unwrap_or_default()
    };
    write_json(out, form, &head("explain"), found.iter().map(entry), None::<()>)
}
