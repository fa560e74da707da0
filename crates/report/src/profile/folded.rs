//! Folded stacks: a line for each chain of calls, loops and source lines, as flame graph tools read them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Figure, Profile, Sample};

/// A frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frame {
    /// Function, `loop file:line` or `file:line`.
    pub name: String,
    /// The source text of a line.
    pub detail: String,
}

impl Profile {
    /// What a sample is attributed to, the outermost first: function, loops, line, called function …
    pub(crate) fn stack(&self, sample: &Sample) -> Vec<Frame> {
        let mut frames = Vec::new();
        for (chain, insn) in self.calls(sample) {
            frames.push(self.line_frame(insn));
            frames.extend(self.loops_of(insn).map(|number| Frame {
                name: self.loop_name(number),
                detail: String::new(),
            }));
            frames.push(Frame {
                name: self.function_name(self.function_of(chain)).to_owned(),
                detail: String::new(),
            });
        }
        frames.reverse();
        frames
    }

    fn line_frame(&self, insn: u32) -> Frame {
        match self.line_of(insn) {
            Some(line) => Frame {
                name: line.place(),
                detail: line.text.trim().to_owned(),
            },
            None => Frame {
                name: format!("insn {insn}"),
                detail: String::new(),
            },
        }
    }
}

/// Writes the stacks, sorted, each with its figure: `main;loop a.c:3;a.c:4 120`.
///
/// # Errors
/// Those of the writer.
pub fn write_folded(out: &mut dyn Write, profile: &Profile, figure: Figure) -> io::Result<()> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for sample in profile.samples.iter().filter(|s| s.cost.get(figure) > 0) {
        let names: Vec<_> = profile.stack(sample).iter().map(|f| plain(&f.name)).collect();
        *sums.entry(names.join(";")).or_default() += sample.cost.get(figure);
    }
    for (stack, sum) in sums {
        writeln!(out, "{stack} {sum}")?;
    }
    Ok(())
}

/// A name without what separates names and lines.
fn plain(name: &str) -> String {
    name.replace(';', ":").replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn stacks_go_through_calls_and_loops() {
        let mut out = Vec::new();
        write_folded(&mut out, &example(), Figure::Insns).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "main;a.c:1 2
main;loop a.c:2;a.c:2 30
main;loop a.c:2;a.c:2;callee;a.c:7 20
"
        );
        let mut out = Vec::new();
        write_folded(&mut out, &example(), Figure::Misses).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "main;loop a.c:2;a.c:2 9\n");
    }
}
