//! Programs by their names.

use std::fmt;

use serde::Deserialize;

use crate::Filters;

/// Programs that a name covers: `PROGRAM`, `OBJECT/PROGRAM` or `OBJECT/`, with `*` for anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Programs {
    text: String,
    filters: Filters,
}

impl Programs {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is a condition on figures, a negation or nothing.
    pub fn parse(text: &str) -> Result<Programs, String> {
        let mut filters = Filters::default();
        let is_name =
            !text.starts_with('!') && filters.add(text).is_ok() && filters.figures().next().is_none();
        match is_name {
            true => Ok(Programs {
                text: text.to_owned(),
                filters,
            }),
            false => Err("expected PROGRAM, OBJECT/PROGRAM or OBJECT/, with * for anything".to_owned()),
        }
    }

    /// Whether it can name several programs of one object.
    pub(crate) fn has_gaps(&self) -> bool {
        self.text.contains('*') || self.text.ends_with('/')
    }

    /// Whether it names this program.
    pub fn name(&self, object: &str, program: &str) -> bool {
        self.filters.wants_program(object, program)
    }
}

impl TryFrom<String> for Programs {
    type Error = String;

    fn try_from(text: String) -> Result<Programs, String> {
        Programs::parse(&text).map_err(|expected| format!("budget of '{text}': {expected}"))
    }
}

impl fmt::Display for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
