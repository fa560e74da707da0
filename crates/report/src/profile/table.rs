//! A profile as tables.

use std::io::{self, Write};

use super::{Cost, LineCost, Profile};

/// Writes the tables of functions, loops, source lines and reasons of misses, at most `top` rows each.
///
/// # Errors
/// Those of the writer.
pub fn write_profile(out: &mut dyn Write, profile: &Profile, top: usize) -> io::Result<()> {
    let total = profile.total();
    functions(profile, total).write(out, top)?;
    if !profile.loops.is_empty() {
        writeln!(out)?;
        loops(profile, total).write(out, top)?;
    }
    writeln!(out)?;
    lines(profile, total).write(out, top)?;
    if !profile.mismatches.is_empty() {
        writeln!(out, "\nWhy explored states did not match the current one:")?;
        reasons(profile, total).write(out, top)?;
    }
    Ok(())
}

fn functions(profile: &Profile, total: Cost) -> Table {
    let mut table = Table::new(&["Insns", "%", "Total", "States", "Hits", "Misses", "Function"]);
    for row in profile.by_function() {
        let mut cells = shares(row.own, total);
        cells.insert(2, row.total.insns.to_string());
        cells.push(profile.function_name(row.function).to_owned());
        table.rows.push(cells);
    }
    table
}

fn loops(profile: &Profile, total: Cost) -> Table {
    let mut table = Table::new(&["Insns", "%", "Turns", "States", "Hits", "Misses", "Loop"]);
    for row in profile.by_loop() {
        let mut cells = shares(row.cost, total);
        cells.insert(2, row.turns.to_string());
        let mut name = profile.loop_name(row.number);
        if let Some(found) = profile.loops.get(row.number) {
            let (first, last) = found.range;
            name += &format!(" (insns {first} to {last})");
        }
        cells.push(name);
        table.rows.push(cells);
    }
    table
}

fn lines(profile: &Profile, total: Cost) -> Table {
    let mut table = Table::new(&[
        "Insns", "%", "States", "Hits", "Misses", "Function", "Line", "Source",
    ]);
    table.left = 3;
    for LineCost { line, function, cost } in profile.by_line() {
        let mut cells = shares(cost, total);
        cells.push(profile.function_name(function).to_owned());
        let source = line.and_then(|line| profile.lines.get(line));
        cells.push(source.map_or_else(|| "-".to_owned(), |s| s.place()));
        cells.push(source.map_or_else(String::new, |s| one_line(&s.text)));
        table.rows.push(cells);
    }
    table
}

fn reasons(profile: &Profile, total: Cost) -> Table {
    let mut table = Table::new(&["Misses", "%", "Places", "What", "Why", "E.g.", "Most at"]);
    table.left = 4;
    for row in profile.by_reason() {
        let insn = row.most.insn;
        let place = match profile.line_of(insn) {
            Some(line) => format!("{} (insn {insn})", line.place()),
            None => format!("insn {insn}"),
        };
        table.rows.push(vec![
            row.count.to_string(),
            percent(row.count, total.misses),
            row.places.to_string(),
            one_line(&row.most.what),
            one_line(&row.most.why),
            one_line(&row.most.example),
            place,
        ]);
    }
    table
}

/// Instructions, their share, and the other figures.
fn shares(cost: Cost, total: Cost) -> Vec<String> {
    vec![
        cost.insns.to_string(),
        percent(cost.insns, total.insns),
        cost.states.to_string(),
        cost.hits.to_string(),
        cost.misses.to_string(),
    ]
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1}", 100.0 * part as f64 / whole.max(1) as f64)
}

/// Source text without indentation and control characters.
fn one_line(text: &str) -> String {
    text.trim().replace(|c: char| c.is_control(), " ")
}

/// Aligned cells: numbers to the right, words to the left, nothing behind the last.
struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// How many of the last columns are words.
    left: usize,
}

impl Table {
    fn new(head: &[&'static str]) -> Table {
        Table {
            head: head.to_vec(),
            rows: Vec::new(),
            left: 1,
        }
    }

    fn write(&self, out: &mut dyn Write, top: usize) -> io::Result<()> {
        let shown = self.rows.get(..top).unwrap_or(&self.rows);
        let mut widths: Vec<_> = self.head.iter().map(|h| h.len()).collect();
        for row in shown {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let rule: Vec<_> = widths.iter().map(|w| "-".repeat(*w)).collect();
        self.line(out, &widths, self.head.iter().copied())?;
        self.line(out, &widths, rule.iter().map(String::as_str))?;
        for row in shown {
            self.line(out, &widths, row.iter().map(String::as_str))?;
        }
        let hidden = self.rows.len() - shown.len();
        if hidden > 0 {
            writeln!(out, "… and {hidden} more")?;
        }
        Ok(())
    }

    fn line<'a>(
        &self,
        out: &mut dyn Write,
        widths: &[usize],
        cells: impl Iterator<Item = &'a str>,
    ) -> io::Result<()> {
        let words = self.head.len().saturating_sub(self.left);
        let mut line = String::new();
        for (i, (cell, width)) in cells.zip(widths).enumerate() {
            let width = *width;
            let cell = if i < words {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            };
            line.push_str(&cell);
            line.push_str("  ");
        }
        writeln!(out, "{}", line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn tables() {
        let mut out = Vec::new();
        write_profile(&mut out, &example(), 2).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\
Insns     %  Total  States  Hits  Misses  Function
-----  ----  -----  ------  ----  ------  --------
   32  61.5     52       0     0       9  main
   20  38.5     20       0     0       0  callee

Insns     %  Turns  States  Hits  Misses  Loop
-----  ----  -----  ------  ----  ------  -------------------------
   50  96.2     10       0     0       9  loop a.c:2 (insns 1 to 3)

Insns     %  States  Hits  Misses  Function  Line   Source
-----  ----  ------  ----  ------  --------  -----  ----------------------
   30  57.7       0     0       9  main      a.c:2  while (x < 9 && y > 8)
   20  38.5       0     0       0  callee    a.c:7  return 1;
… and 1 more

Why explored states did not match the current one:
Misses      %  Places  What           Why                         E.g.      Most at
------  -----  ------  -------------  --------------------------  --------  --------------
     9  100.0       1  r1 of frame 0  outside the explored range  1, was 0  a.c:2 (insn 1)
"
        );
    }
}
