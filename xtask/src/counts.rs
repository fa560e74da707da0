//! How far verdict agreed with recordings of real kernels: a line for each kernel and corpus, `golden/parity.jsonl`.
//!
//! `xtask parity --counts` holds a comparison to its line; the tables of the documentation are made of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Done;

/// What one comparison counted.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counts {
    pub(crate) kernel: String,
    pub(crate) corpus: String,
    /// Programs that agree in all fields.
    pub(crate) equal: usize,
    pub(crate) differing: usize,
    pub(crate) unsupported: usize,
    /// For each field, how many programs agree in it, and how many were compared.
    pub(crate) fields: BTreeMap<String, (usize, usize)>,
}

impl Counts {
    /// Whether this is of the same kernel and corpus.
    fn is_of(&self, other: &Counts) -> bool {
        (&self.kernel, &self.corpus) == (&other.kernel, &other.corpus)
    }

    /// Compares with the file's line, and prints both where they differ.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub(crate) fn hold(&self, file: &Path) -> Done {
        let expected = read(file)?.into_iter().find(|counts| counts.is_of(self));
        if expected.as_ref() == Some(self) {
            return Ok(true);
        }
        println!(
            "{}: expected {}",
            file.display(),
            expected.map_or_else(|| "nothing".to_owned(), |e| e.line())
        );
        println!("counted: {}", self.line());
        Ok(false)
    }

    /// Puts it into the file, in place of the line of the same kernel and corpus.
    ///
    /// # Errors
    /// Names the file that cannot be read or written.
    pub(crate) fn save(self, file: &Path) -> Result<(), String> {
        let mut all = if file.exists() { read(file)? } else { Vec::new() };
        all.retain(|counts| !counts.is_of(&self));
        all.push(self);
        all.sort_by(|a, b| (&a.kernel, &a.corpus).cmp(&(&b.kernel, &b.corpus)));
        let text: String = all.iter().map(|counts| counts.line() + "\n").collect();
        fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
    }

    fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| error.to_string())
    }
}

/// All lines of a file of counts.
///
/// # Errors
/// Names the file, and the line that is not as it should be.
pub(crate) fn read(file: &Path) -> Result<Vec<Counts>, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let read = |(at, line)| {
        serde_json::from_str(line).map_err(|e| format!("{}:{}: expected counts: {e}", file.display(), at + 1))
    };
    text.lines().enumerate().map(read).collect()
}
