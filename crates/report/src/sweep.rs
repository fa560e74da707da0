//! One figure of programs under many settings: a table with a column for each setting.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::fields::{fields, names};
use crate::forms::{DocumentHead, Json, write_json};
use crate::sheet::{Cell, Head, Sheet};
use crate::{Column, Format, Row, Value, Verdict};

/// The programs' figures under one setting.
#[derive(Clone, Debug)]
pub struct SweepRun {
    /// What heads its columns.
    pub setting: String,
    /// The figures.
    pub rows: Vec<Row>,
}

/// Writes the figures `columns` of all programs, of each setting side by side. Programs that are not accepted have
/// their verdict in place of figures. With `changed`, only programs that the settings tell apart are shown.
///
/// # Errors
/// Those of the writer.
pub fn write_sweep(
    out: &mut dyn Write,
    runs: &[SweepRun],
    (columns, notes): (&[Column], &[String]),
    format: Format,
    changed: bool,
) -> io::Result<()> {
    let programs = by_program(runs);
    let shown = programs
        .iter()
        .filter(|(_, sides)| !changed || differ(sides, columns));
    let layout = match format.layout() {
        Ok(layout) => layout,
        Err(form) => {
            return write_records(
                out,
                form,
                (runs, columns, notes),
                shown.map(|(_, sides)| sides.as_slice()),
            );
        }
    };
    let rows: Vec<_> = shown.map(|(key, sides)| cells(*key, sides, columns)).collect();
    let sheet = Sheet {
        heads: heads(runs, columns),
        shown: rows.len(),
        rows,
        closing: None,
    };
    sheet.write(out, layout)
}

/// What is known of each program under each setting.
fn by_program(runs: &[SweepRun]) -> BTreeMap<(&str, &str), Vec<Option<&Row>>> {
    let mut programs: BTreeMap<(&str, &str), Vec<Option<&Row>>> = BTreeMap::new();
    for (index, run) in runs.iter().enumerate() {
        for row in &run.rows {
            let sides = programs
                .entry(row.key())
                .or_insert_with(|| vec![None; runs.len()]);
            if let Some(side) = sides.get_mut(index) {
                *side = Some(row);
            }
        }
    }
    programs
}

fn cells((file, program): (&str, &str), sides: &[Option<&Row>], columns: &[Column]) -> Vec<Cell> {
    let mut cells = vec![Cell::Text(file.to_owned()), Cell::Text(program.to_owned())];
    for side in sides {
        cells.extend(columns.iter().map(|column| cell(*side, *column)));
    }
    cells
}

/// Writes the figures as JSON: a record for each program and setting.
fn write_records<'r>(
    out: &mut dyn Write,
    form: Json,
    (runs, columns, notes): (&'r [SweepRun], &[Column], &[String]),
    programs: impl Iterator<Item = &'r [Option<&'r Row>]>,
) -> io::Result<()> {
    let mut all = vec![Column::File, Column::Program, Column::Kernel, Column::Verdict];
    for column in columns {
        if !all.contains(column) {
            all.push(*column);
        }
    }
    let head = DocumentHead {
        command: "sweep",
        notes,
        columns: names(&all),
        ..DocumentHead::default()
    };
    let records = programs.flat_map(|sides| {
        let known = runs
            .iter()
            .zip(sides)
            .filter_map(|(run, row)| Some((run, (*row)?)));
        known.map(|(run, row)| {
            let mut record = fields(row, &all);
            record.insert("setting".to_owned(), run.setting.as_str().into());
            record
        })
    });
    write_json(out, form, &head, records, None::<()>)
}

fn heads(runs: &[SweepRun], columns: &[Column]) -> Vec<Head> {
    let key = |column: Column| Head {
        title: column.header(),
        suffix: "",
        name: column.name().to_owned(),
        left: true,
        left_cells: true,
    };
    let mut heads = vec![key(Column::File), key(Column::Program)];
    for run in runs {
        for column in columns {
            let setting = &run.setting;
            let name = match columns {
                [_] => setting.clone(),
                _ => format!("{setting} {}", column.header().to_lowercase()),
            };
            heads.push(Head {
                title: "", // the name
                suffix: "",
                name,
                left: false,
                left_cells: column.is_text(),
            });
        }
    }
    heads
}

fn cell(row: Option<&Row>, column: Column) -> Cell {
    match row {
        None => Cell::Missing,
        Some(row) if row.verdict == Verdict::Success || column.is_text() => column.value(row).into(),
        Some(row) => Value::Text(row.verdict.name()).into(),
    }
}

/// Whether the settings tell the program apart.
fn differ(sides: &[Option<&Row>], columns: &[Column]) -> bool {
    let text = |side: &Option<&Row>| -> Vec<String> {
        let verdict = cell(*side, Column::Verdict).to_string();
        let figures = columns.iter().map(|column| cell(*side, *column).to_string());
        std::iter::once(verdict).chain(figures).collect()
    };
    let mut texts = sides.iter().map(text);
    let first = texts.next();
    texts.any(|text| Some(text) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_side_by_side() {
        let row = |program: &str, verdict, insns| Row {
            file: "a.o".into(),
            program: program.into(),
            verdict,
            insns,
            ..Row::default()
        };
        let run = |setting: &str, rows| SweepRun {
            setting: setting.into(),
            rows,
        };
        let runs = [
            run(
                "n=1",
                vec![row("p", Verdict::Success, 10), row("same", Verdict::Success, 3)],
            ),
            run(
                "n=1000",
                vec![row("p", Verdict::Failure, 99), row("same", Verdict::Success, 3)],
            ),
        ];
        let text = |changed| {
            let mut out = Vec::new();
            write_sweep(&mut out, &runs, (&[Column::Insns], &[]), Format::Table, changed).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            text(false),
            "\
File  Program  n=1   n=1000
----  -------  ---  -------
a.o   p         10  failure
a.o   same       3        3
"
        );
        assert!(!text(true).contains("same"));
    }
}
