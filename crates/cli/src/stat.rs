//! Figures of many objects.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use verdict::{Answer, NEEDS, Verifier, shown_path};
use verdict_report::Row;

use crate::UNUSABLE;
use crate::args::ProgramArgs;
use crate::inputs::Input;
use crate::run::{ObjectResult, note_once, verify_each, verify_inputs};

/// The records of many objects; what is wrong with others is already printed.
pub(crate) struct Gathered {
    rows: Vec<Row>,
    unusable: bool,
}

impl Gathered {
    /// Verifies the wanted programs of the objects by several verifiers, each program by all of them before the next one;
    /// what is `told` already is not said again.
    pub(crate) fn of_each_untold(
        verifiers: &[&Verifier],
        objects: &[PathBuf],
        wanted: &ProgramArgs,
        told: &mut BTreeSet<String>,
    ) -> Result<Vec<Gathered>, String> {
        let results = verify_each(verifiers, objects, wanted)?.into_iter();
        let gathered = results
            .zip(verifiers)
            .map(|(results, verifier)| Gathered::from_results(results, &verifier.kernel().name, told));
        Ok(gathered.collect())
    }

    /// The same where nothing is told yet, of what the arguments stand for.
    pub(crate) fn of_inputs(
        verifier: &Verifier,
        inputs: &[Input],
        wanted: &ProgramArgs,
    ) -> Result<Gathered, String> {
        let results = verify_inputs(&[verifier], inputs, wanted)?
            .pop()
            .unwrap_or_default();
        let name = &verifier.kernel().name;
        Ok(Gathered::from_results(results, name, &mut BTreeSet::new()))
    }

    /// Verifies the wanted programs of the objects by several verifiers, each program by all of them before the next one.
    pub(crate) fn of_each(
        verifiers: &[&Verifier],
        objects: &[PathBuf],
        wanted: &ProgramArgs,
    ) -> Result<Vec<Gathered>, String> {
        let mut told = BTreeSet::new();
        let results = verify_each(verifiers, objects, wanted)?.into_iter();
        let gathered = results
            .zip(verifiers)
            .map(|(results, verifier)| Gathered::from_results(results, &verifier.kernel().name, &mut told));
        Ok(gathered.collect())
    }

    /// Complains of what cannot be used, unless that was told already.
    fn from_results(results: Vec<ObjectResult>, kernel: &str, told: &mut BTreeSet<String>) -> Gathered {
        let mut all = Gathered {
            rows: Vec::new(),
            unusable: false,
        };
        for object in results {
            match object.programs {
                Ok(programs) => {
                    for answer in programs {
                        all.take(&object.input.path, kernel, answer);
                    }
                }
                Err(unusable) => {
                    if told.insert(unusable.message.clone()) {
                        eprintln!("verdict: {}", unusable.message);
                    }
                    // What libbpf refuses to open is a result; what cannot even be read, or is no object at all, is not.
                    all.unusable |= unusable.record.is_none() || unusable.is_unfit;
                }
            }
        }
        all
    }

    fn take(&mut self, path: &Path, kernel: &str, answer: Result<Answer, String>) {
        match answer {
            Ok(Answer { record, refusal, .. }) => {
                // Figures have no place for it.
                if let Some(needs) = record.unsupported.as_ref().filter(|what| what.starts_with(NEEDS)) {
                    note_once(&format!("{}: {needs}", record.object));
                }
                let row = Row::from_record(&record);
                let row = row.map(|row| row.refused_by(refusal.map(|refusal| refusal.rule)));
                self.rows.extend(row.map(|row| Row {
                    path: shown_path(path),
                    kernel: kernel.to_owned(),
                    ..row
                }));
            }
            Err(message) => {
                eprintln!("verdict: {message}");
                self.unusable = true;
            }
        }
    }

    /// The programs' rows, sorted.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = self.rows.clone();
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        rows
    }

    /// 0 when everything could be asked about.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.unusable { UNUSABLE } else { 0 }
    }
}
