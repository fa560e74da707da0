//! How a value came to be what it is, as text.

use std::io::{self, Write};

use super::Held;

/// Writes the instructions that made a value, with what they made of it.
pub(super) fn write(out: &mut dyn Write, trail: &[Held]) -> io::Result<()> {
    if trail.is_empty() {
        return Ok(());
    }
    writeln!(out, "  = values on the way:")?;
    let place = |held: &Held| match &held.site.source {
        Some(source) => format!("insn {}, line {}", held.site.insn, source.line),
        None => format!("insn {}", held.site.insn),
    };
    let width = |of: &dyn Fn(&Held) -> usize| trail.iter().map(of).max().unwrap_or(0);
    let (places, texts) = (
        width(&|held| place(held).len()),
        width(&|held| held.site.text.len()),
    );
    for held in trail {
        let was = held
            .before
            .as_ref()
            .map(|before| format!("{before} becomes "))
            .unwrap_or_default();
        writeln!(
            out,
            "      {:places$}  {:texts$}  {}: {was}{}",
            place(held),
            held.site.text,
            held.place,
            held.after
        )?;
    }
    Ok(())
}
