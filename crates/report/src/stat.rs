//! Figures of many programs, laid out as veristat does it.

use std::io::{self, Write};

use crate::fields::{fields, names};
use crate::forms::{DocumentHead, Json, write_json};
use crate::sheet::{Head, Sheet};
use crate::{Column, Format, Row};

/// What the closing line of a table counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that were opened.
    pub files: usize,
    /// Programs that were verified.
    pub programs: usize,
    /// Objects that could not be opened.
    pub skipped_files: usize,
    /// Programs left out on request.
    pub skipped_programs: usize,
}

/// Writes the first `limit` rows in the order given. As in veristat, a table is closed together with its last row,
/// and the rows beyond the limit decide about its widths, too.
///
/// # Errors
/// Those of the writer.
pub fn write_stats(
    out: &mut dyn Write,
    (columns, notes): (&[Column], &[String]),
    rows: &[Row],
    limit: usize,
    format: Format,
    counts: &Counts,
) -> io::Result<()> {
    let layout = match format.layout() {
        Ok(layout) => layout,
        Err(json) => {
            let shown = rows.get(..limit).unwrap_or(rows);
            return write_figures(out, json, (columns, notes), shown);
        }
    };
    let head = |column: &Column| Head {
        title: column.header(),
        suffix: "",
        name: column.name().to_owned(),
        left: column.is_named(),
        left_cells: column.is_text(),
    };
    let sheet = Sheet {
        heads: columns.iter().map(head).collect(),
        rows: rows
            .iter()
            .map(|row| columns.iter().map(|c| c.value(row).into()).collect())
            .collect(),
        shown: limit,
        closing: Some(format!(
            "Done. Processed {} files, {} programs. Skipped {} files, {} programs.",
            counts.files, counts.programs, counts.skipped_files, counts.skipped_programs
        )),
    };
    sheet.write(out, layout)
}

fn write_figures(
    out: &mut dyn Write,
    json: Json,
    (columns, notes): (&[Column], &[String]),
    rows: &[Row],
) -> io::Result<()> {
    let mut kernels: Vec<&str> = Vec::new();
    for row in rows {
        if !row.kernel.is_empty() && !kernels.contains(&row.kernel.as_str()) {
            kernels.push(&row.kernel);
        }
    }
    let head = DocumentHead {
        command: "stat",
        kernels: &kernels,
        notes,
        columns: names(columns),
    };
    let records = rows.iter().map(|row| fields(row, columns));
    write_json(out, json, &head, records, None::<()>)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    const COLUMNS: [Column; 7] = [
        Column::File,
        Column::Program,
        Column::Verdict,
        Column::Duration,
        Column::Insns,
        Column::States,
        Column::PeakStates,
    ];

    fn rows() -> Vec<Row> {
        let row = |program: &str, verdict, duration, insns| Row {
            file: "loop1.bpf.o".into(),
            program: program.into(),
            verdict,
            duration,
            insns,
            states: 7,
            peak_states: 6,
            max_states_per_insn: 5,
            mark_read: 4,
            ..Row::default()
        };
        vec![
            row("a", Verdict::Success, 123_456_789_012_345, 9),
            row("nested_loops", Verdict::Failure, 1, 361_349),
        ]
    }

    fn text(format: Format, columns: &[Column]) -> String {
        let mut out = Vec::new();
        let counts = Counts {
            files: 1,
            programs: 2,
            skipped_files: 3,
            skipped_programs: 4,
        };
        write_stats(&mut out, (columns, &[]), &rows(), usize::MAX, format, &counts).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table() {
        assert_eq!(
            text(Format::Table, &COLUMNS),
            "\
File         Program       Verdict    Duration (us)   Insns  States  Peak states
-----------  ------------  -------  ---------------  ------  ------  -----------
loop1.bpf.o  a             success  123456789012345       9       7            6
loop1.bpf.o  nested_loops  failure                1  361349       7            6
-----------  ------------  -------  ---------------  ------  ------  -----------
Done. Processed 1 files, 2 programs. Skipped 3 files, 4 programs.
"
        );
    }

    #[test]
    fn csv() {
        assert_eq!(
            text(Format::Csv, &COLUMNS),
            "\
file_name,prog_name,verdict,duration,total_insns,total_states,peak_states
loop1.bpf.o,a,success,123456789012345,9,7,6
loop1.bpf.o,nested_loops,failure,1,361349,7,6
"
        );
    }

    #[test]
    fn types_stand_left_under_a_heading_that_stands_right() {
        let row = Row {
            prog_type: "xdp".into(),
            ..Row::default()
        };
        let mut out = Vec::new();
        let columns = [Column::ProgType, Column::AttachType, Column::Errno];
        write_stats(
            &mut out,
            (&columns, &[]),
            &[row],
            1,
            Format::Table,
            &Counts::default(),
        )
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("\nxdp           cgroup_inet_ingress       \n"),
            "{text}"
        );
        assert!(
            text.starts_with("Program type          Attach type  Errno\n"),
            "{text}"
        );
    }

    #[test]
    fn json_and_markdown() {
        let columns = [Column::Program, Column::Insns];
        assert_eq!(
            text(Format::Json, &columns),
            concat!(
                "{\"schema\":\"verdict/1\",\"command\":\"stat\",\"version\":\"",
                env!("CARGO_PKG_VERSION"),
                "\",\"columns\":[\"program\",\"insns\"],\n\"records\":[\n",
                "{\"schema\":\"verdict/1\",\"insns\":9,\"program\":\"a\"},\n",
                "{\"schema\":\"verdict/1\",\"insns\":361349,\"program\":\"nested_loops\"}\n]}\n"
            )
        );
        assert_eq!(
            text(Format::Markdown, &columns),
            "| Program | Insns |\n| --- | ---: |\n| a | 9 |\n| nested_loops | 361349 |\n"
        );
    }
}
