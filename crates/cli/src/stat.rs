//! `verdict stat`.

use std::io::Write;
use std::path::PathBuf;

use verdict::Verifier;
use verdict_report::{Column, Counts, Format, Record, Row, to_json_line, write_stats};

use crate::args::{KernelArgs, Output, StatArgs};
use crate::run::{file_name, verify_all};
use crate::{Done, UNUSABLE};

pub(crate) fn run(kernel: &KernelArgs, args: &StatArgs, out: &mut dyn Write) -> Done {
    let verifier = Verifier::new(kernel.choice().open()?, args.test.options());
    let figures = Gathered::of(&verifier, &args.objects);
    if args.output == Output::Table && !args.quiet {
        for file in &figures.files {
            writeln!(out, "Processing '{file}'...")?;
        }
    }
    let (format, default) = match args.output {
        Output::Jsonl => {
            for record in &figures.records {
                writeln!(out, "{}", to_json_line(record))?;
            }
            return Ok(figures.exit_code());
        }
        Output::Table => (Format::Table, Column::TABLE.as_slice()),
        Output::Csv => (Format::Csv, Column::CSV.as_slice()),
    };
    let columns = args.emit.as_ref().map_or(default, |columns| &columns.0);
    write_stats(out, columns, &figures.rows(), usize::MAX, format, &figures.counts)?;
    Ok(figures.exit_code())
}

/// The records of many objects; what is wrong with others is already printed.
pub(crate) struct Gathered {
    files: Vec<String>,
    records: Vec<Record>,
    counts: Counts,
    unusable: bool,
}

impl Gathered {
    /// Verifies all programs of the objects.
    pub(crate) fn of(verifier: &Verifier, objects: &[PathBuf]) -> Gathered {
        let mut all = Gathered {
            files: Vec::new(),
            records: Vec::new(),
            counts: Counts::default(),
            unusable: false,
        };
        for object in verify_all(verifier, objects) {
            match object.programs {
                Ok(programs) => {
                    all.files.push(file_name(&object.path));
                    all.counts.files += 1;
                    for answer in programs {
                        all.take(answer.map(|answer| answer.record));
                    }
                }
                Err(unusable) => {
                    eprintln!("verdict: {}", unusable.message);
                    all.counts.skipped_files += 1;
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
                self.counts.programs += 1;
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
