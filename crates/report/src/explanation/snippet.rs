//! Source lines with what is to be said of them, as rustc shows them.

use std::io::{self, Write};

use super::{Site, Source};

/// Words about a part of a line.
pub(super) struct Note<'a> {
    /// The place.
    pub(super) site: &'a Site,
    /// What is said.
    pub(super) words: String,
    /// Whether it is the place of the refusal.
    pub(super) primary: bool,
}

/// Writes the lines that the notes are about, file by file: that of the primary note first.
pub(super) fn write(out: &mut dyn Write, notes: &[Note<'_>]) -> io::Result<()> {
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
        write_file(out, file, &here, width)?;
    }
    Ok(())
}

fn write_file(
    out: &mut dyn Write,
    file: &str,
    notes: &[(&Source, &Note<'_>)],
    width: usize,
) -> io::Result<()> {
    let Some((first, _)) = notes.iter().find(|(_, note)| note.primary).or(notes.first()) else {
        return Ok(());
    };
    match first.column {
        0 => writeln!(out, "{:width$}--> {file}:{}", "", first.line)?,
        column => writeln!(out, "{:width$}--> {file}:{}:{column}", "", first.line)?,
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
            writeln!(out, "...")?;
        }
        let of_line: Vec<_> = notes
            .iter()
            .filter(|(source, _)| source.line == *line)
            .copied()
            .collect();
        write_line(out, *line, &of_line, width)?;
    }
    Ok(())
}

fn write_line(
    out: &mut dyn Write,
    line: u32,
    notes: &[(&Source, &Note<'_>)],
    width: usize,
) -> io::Result<()> {
    let Some((source, _)) = notes.first() else {
        return Ok(());
    };
    let text = source.text.trim_end();
    let indent = text.len() - text.trim_start().len();
    writeln!(out, "{line:>width$} | {}", text.trim_start())?;
    for (source, note) in notes {
        let mark = if note.primary { "^" } else { "-" };
        let (from, length) = match source.column {
            0 => (0, text.trim_start().chars().count()),
            column => (
                (column as usize).saturating_sub(indent + 1),
                (source.length as usize).max(1),
            ),
        };
        let marks = mark.repeat(length.clamp(1, 120));
        // A line of which only the number is known may stand for many instructions, as those of inline assembly do.
        let insn = if source.length == 0 {
            format!("insn {} {}: ", note.site.insn, note.site.text)
        } else {
            String::new()
        };
        writeln!(out, "{:width$} | {:from$}{marks} {insn}{}", "", "", note.words)?;
    }
    Ok(())
}
