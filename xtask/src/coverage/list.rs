//! The list of places never compared: `PLACE  # REASON`, a line each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How a reason begins: nothing leads there, or no recording does.
const UNREACHABLE: &str = "unreachable: ";
const NOT_COMPARED: &str = "not compared: ";

/// Between a place and its reason.
const BETWEEN: &str = "  # ";

/// What stands at the head of the file.
const HEAD: &str = "\
# Places that refuse at which no recording of a real kernel agrees with verdict, as `cargo xtask coverage` finds them: file,
# function, rule, the beginning of the words, and why. `unreachable`: no program comes there; `not compared`: none has.
";

/// The list.
pub(super) struct List(BTreeMap<String, String>);

impl List {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// Names the line that has no reason.
    pub(super) fn read(path: &Path) -> Result<List, String> {
        let text = if path.exists() {
            fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?
        } else {
            String::new()
        };
        let mut all = BTreeMap::new();
        for (at, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.starts_with('#'))
        {
            let entry = line.rsplit_once(BETWEEN).filter(|(_, reason)| {
                let why = [UNREACHABLE, NOT_COMPARED]
                    .iter()
                    .find_map(|kind| reason.strip_prefix(kind));
                why.is_some_and(|why| !why.trim().is_empty())
            });
            let Some((place, reason)) = entry else {
                return Err(format!(
                    "{}:{}: expected `PLACE{BETWEEN}{UNREACHABLE}WHY` or `PLACE{BETWEEN}{NOT_COMPARED}WHY`",
                    path.display(),
                    at + 1
                ));
            };
            all.insert(place.to_owned(), reason.to_owned());
        }
        Ok(List(all))
    }

    /// Writes these places, with the reasons that are known.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub(super) fn write(&self, path: &Path, missed: &[&str]) -> Result<(), String> {
        let mut text = HEAD.to_owned();
        for place in missed {
            let reason = self.0.get(*place).cloned();
            let reason = reason.unwrap_or_else(|| format!("{NOT_COMPARED}no program yet"));
            text.push_str(&format!("{place}{BETWEEN}{reason}\n"));
        }
        fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Whether it is exactly these; says what is not.
    pub(super) fn hold(&self, missed: &[&str]) -> bool {
        let mut well = true;
        for place in missed.iter().filter(|place| !self.0.contains_key(**place)) {
            println!("never compared, and not listed: {place}");
            well = false;
        }
        for place in self.0.keys().filter(|place| !missed.contains(&place.as_str())) {
            println!("listed as never compared, but compared now, or gone: {place}: take it out of the list");
            well = false;
        }
        well
    }

    pub(super) fn is_unreachable(&self, place: &str) -> bool {
        self.0
            .get(place)
            .is_some_and(|reason| reason.starts_with(UNREACHABLE))
    }
}
