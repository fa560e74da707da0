//! Source lines with what is to be said of them, as rustc shows them.

use std::io::{self, Write};

use super::{Site, Source};
use crate::{Look, Part};

/// Words about a part of a line.
pub(super) struct Note<'a> {
    /// The place.
    pub(super) site: &'a Site,
    /// What is said.
    pub(super) words: String,
    /// Whether it is the place of the refusal.
    pub(super) primary: bool,
}

impl Note<'_> {
    pub(super) fn part(&self) -> Part {
        if self.primary {
            Part::Primary
        } else {
            Part::Secondary
        }
    }
}

/// Writes the lines that the notes are about, file by file: that of the primary note first.
pub(super) fn write(out: &mut dyn Write, notes: &[Note<'_>], look: Look) -> io::Result<()> {
    let placed: Vec<(&Source, &Note<'_>)> = notes
        .iter()
        .filter_map(|note| Some((note.site.source.as_ref()?, note)))
        .collect();
    let width = placed
        .iter()
        .map(|(source, _)| source.line.to_string().len())
        .max()
        .unwrap_or(1);
    let mut files: Vec<&str> = Vec::new();
    for primary in [true, false] {
        for (source, note) in &placed {
            if note.primary == primary && !files.contains(&source.file.as_str()) {
                files.push(&source.file);
            }
        }
    }
    for file in files {
        let here: Vec<_> = placed
            .iter()
            .filter(|(source, _)| source.file == file)
            .copied()
            .collect();
        write_file(out, file, &here, (width, look))?;
    }
    Ok(())
}

fn write_file(
    out: &mut dyn Write,
    file: &str,
    notes: &[(&Source, &Note<'_>)],
    (width, look): (usize, Look),
) -> io::Result<()> {
    let Some((first, _)) = notes.iter().find(|(_, note)| note.primary).or(notes.first()) else {
        return Ok(());
    };
    let arrow = look.paint(Part::Gutter, "-->");
    match first.column {
        0 => writeln!(out, "{:width$}{arrow} {file}:{}", "", first.line)?,
        column => writeln!(out, "{:width$}{arrow} {file}:{}:{column}", "", first.line)?,
    }
    let mut lines: Vec<u32> = notes.iter().map(|(source, _)| source.line).collect();
    lines.sort_unstable();
    lines.dedup();
    for (at, line) in lines.iter().enumerate() {
        let gap = at
            .checked_sub(1)
            .and_then(|before| lines.get(before))
            .is_some_and(|before| before + 1 < *line);
        if gap {
            writeln!(out, "{}", look.paint(Part::Gutter, "..."))?;
        }
        let of_line: Vec<_> = notes
            .iter()
            .filter(|(source, _)| source.line == *line)
            .copied()
            .collect();
        write_line(out, *line, &of_line, (width, look))?;
    }
    Ok(())
}

fn write_line(
    out: &mut dyn Write,
    line: u32,
    notes: &[(&Source, &Note<'_>)],
    (width, look): (usize, Look),
) -> io::Result<()> {
    let Some((source, _)) = notes.first() else {
        return Ok(());
    };
    let text = source.text.trim_end();
    let indent = text.len() - text.trim_start().len();
    let gutter = |text: String| look.paint(Part::Gutter, text);
    let trimmed = text.trim_start();
    writeln!(
        out,
        "{} {}",
        gutter(format!("{line:>width$} |")),
        expanded(trimmed)
    )?;
    for (source, note) in notes {
        let mark = if note.primary { "^" } else { "-" };
        let (from, length) = match source.column {
            0 => (0, cells(trimmed)),
            column => {
                let from = (column as usize).saturating_sub(indent + 1);
                let to = from + source.length as usize;
                (
                    cells(trimmed.get(..from).unwrap_or(trimmed)),
                    cells(trimmed.get(from..to).unwrap_or_default()),
                )
            }
        };
        let marks = mark.repeat(length.clamp(1, 120));
        // A line of which only the number is known may be that of many instructions, as those of inline assembly do.
        let insn = if source.length == 0 {
            format!("insn {} {}: ", note.site.insn, note.site.text)
        } else {
            String::new()
        };
        let said = look.paint(note.part(), format!("{marks} {insn}{}", note.words));
        writeln!(out, "{} {:from$}{said}", gutter(format!("{:width$} |", "")), "")?;
    }
    Ok(())
}

/// A line as it is shown: terminals have their own idea of tabs, under which no mark can be put.
fn expanded(text: &str) -> String {
    text.replace('\t', "    ")
}

/// How many characters wide a part of a line is shown.
fn cells(text: &str) -> usize {
    expanded(text).chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_under_their_columns() {
        let site = Site {
            insn: 1,
            text: "exit".into(),
            source: Some(Source {
                file: "a.c".into(),
                line: 9,
                column: 6,
                length: 3,
                text: "\tä\t=bcd;".into(),
            }),
        };
        let note = Note {
            site: &site,
            words: "this".into(),
            primary: true,
        };
        let mut out = Vec::new();
        write(&mut out, &[note], Look::PLAIN).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            " --> a.c:9:6\n9 | ä    =bcd;\n  |       ^^^ this\n"
        );
    }
}
