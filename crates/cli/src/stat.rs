//! Figures of many objects.

use std::collections::BTreeSet;
use std::path::PathBuf;

use verdict::{NEEDS, Verifier};
use verdict_report::{Record, Row};

use crate::UNUSABLE;
use crate::run::{ObjectResult, note_once, verify_all, verify_each};

/// The records of many objects; what is wrong with others is already printed.
pub(crate) struct Gathered {
    records: Vec<Record>,
    unusable: bool,
}

impl Gathered {
    /// Verifies all programs of the objects.
    pub(crate) fn of(verifier: &Verifier, objects: &[PathBuf]) -> Gathered {
        Gathered::from_results(verify_all(verifier, objects), &mut BTreeSet::new())
    }

    /// The same by several verifiers, each program by all of them before the next one.
    pub(crate) fn of_each(verifiers: &[&Verifier], objects: &[PathBuf]) -> Vec<Gathered> {
        let mut told = BTreeSet::new();
        let results = verify_each(verifiers, objects).into_iter();
        results
            .map(|results| Gathered::from_results(results, &mut told))
            .collect()
    }

    /// Complains of what cannot be used, unless that was told already.
    fn from_results(results: Vec<ObjectResult>, told: &mut BTreeSet<String>) -> Gathered {
        let mut all = Gathered {
            records: Vec::new(),
            unusable: false,
        };
        for object in results {
            match object.programs {
                Ok(programs) => {
                    for answer in programs {
                        all.take(answer.map(|answer| answer.record));
                    }
                }
                Err(unusable) => {
                    if told.insert(unusable.message.clone()) {
                        eprintln!("verdict: {}", unusable.message);
                    }
                    // What libbpf refuses to open is a result; what cannot even be read is not.
                    all.unusable |= unusable.record.is_none();
                    all.records.extend(unusable.record.map(|record| *record));
                }
            }
        }
        all
    }

    fn take(&mut self, record: Result<Record, String>) {
        match record {
            Ok(record) => {
                // Figures have no place for it.
                if let Some(needs) = record.unsupported.as_ref().filter(|what| what.starts_with(NEEDS)) {
                    note_once(&format!("{}: {needs}", record.object));
                }
                self.records.push(record);
            }
            Err(message) => {
                eprintln!("verdict: {message}");
                self.unusable = true;
            }
        }
    }

    /// The programs' rows, sorted.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<_> = self.records.iter().filter_map(Row::from_record).collect();
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        rows
    }

    /// 0 when everything could be asked about.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.unusable { UNUSABLE } else { 0 }
    }
}
