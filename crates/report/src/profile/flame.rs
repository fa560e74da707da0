//! A flame graph: one SVG file that needs nothing else. A click on a frame widens it, a search lights up frames.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Figure, Frame, Profile};
use crate::xml::Escaped;

/// Width of the picture, in pixels.
const WIDTH: f64 = 1200.0;
/// Blank space at the sides.
const MARGIN: f64 = 10.0;
/// Height of a row of frames.
const ROW: u64 = 17;
/// Space above the frames, for the title.
const TOP: u64 = 56;
/// Space below the frames, for what the pointer is on.
const BOTTOM: u64 = 34;
/// Width of a character, about.
const CHAR: f64 = 6.9;
/// A narrower frame is not drawn: part of the whole.
const NARROW: f64 = 0.00005;

/// A frame with those that it called.
#[derive(Debug, Default)]
struct Node {
    total: u64,
    /// By name; the detail belongs to the name.
    children: BTreeMap<String, (String, Node)>,
}

impl Node {
    fn add(&mut self, stack: &[Frame], value: u64) {
        let mut node = self;
        node.total += value;
        for frame in stack {
            let child = node
                .children
                .entry(frame.name.clone())
                .or_insert_with(|| (frame.detail.clone(), Node::default()));
            node = &mut child.1;
            node.total += value;
        }
    }
}

/// A frame as it is drawn.
struct Drawn<'n> {
    depth: u64,
    /// What is left of it, in units of the figure.
    start: u64,
    name: &'n str,
    detail: &'n str,
    total: u64,
}

/// Writes the flame graph of a figure as SVG.
///
/// # Errors
/// Those of the writer.
pub fn write_flame_graph(
    out: &mut dyn Write,
    profile: &Profile,
    title: &str,
    figure: Figure,
) -> io::Result<()> {
    let mut root = Node::default();
    for sample in profile.samples.iter().filter(|s| s.cost.get(figure) > 0) {
        root.add(&profile.stack(sample), sample.cost.get(figure));
    }
    let drawn = lay_out(&root);
    let depth = drawn.iter().map(|d| d.depth).max().unwrap_or(0) + 1;
    let height = TOP + depth * ROW + BOTTOM;
    write_head(out, title, figure, root.total, height)?;
    for frame in &drawn {
        out.write_all(frame_text(frame, root.total, figure).as_bytes())?;
    }
    writeln!(out, "</g>\n{SCRIPT}</svg>")
}

/// Places every frame that is wide enough to be seen, callers before callees.
fn lay_out(root: &Node) -> Vec<Drawn<'_>> {
    let mut drawn = Vec::new();
    let mut waiting = vec![(0, 0, "all", "", root)];
    while let Some((depth, start, name, detail, node)) = waiting.pop() {
        drawn.push(Drawn {
            depth,
            start,
            name,
            detail,
            total: node.total,
        });
        let mut at = start;
        for (name, (detail, child)) in &node.children {
            if child.total as f64 >= NARROW * root.total as f64 {
                waiting.push((depth + 1, at, name.as_str(), detail.as_str(), child));
            }
            at += child.total;
        }
    }
    drawn
}

fn write_head(out: &mut dyn Write, title: &str, figure: Figure, total: u64, height: u64) -> io::Result<()> {
    let (title, name) = (Escaped(title), figure.name());
    let foot = height - BOTTOM / 2;
    write!(
        out,
        r##"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" data-total="{total}" data-margin="{MARGIN}" data-char="{CHAR}">
<title>{title}: {total} {name}</title>
<style>
text {{ font-family: monospace; font-size: 11px; fill: #000; }}
#title {{ font-size: 16px; text-anchor: middle; }}
#frames rect {{ stroke: #fff; stroke-width: 0.5; }}
#frames text {{ pointer-events: none; }}
#frames g {{ cursor: pointer; }}
#frames g:hover rect {{ stroke: #000; }}
#frames .outer {{ opacity: 0.5; }}
#frames .found rect {{ fill: #c060e0; }}
.button {{ cursor: pointer; }}
.hidden {{ display: none; }}
#ground {{ fill: #fcfaf2; }}
@media (prefers-color-scheme: dark) {{
#ground {{ fill: #15181d; }}
svg > text {{ fill: #dfe3ea; }}
#frames rect {{ stroke: #15181d; }}
}}
</style>
<rect id="ground" width="100%" height="100%"/>
<text id="title" x="{middle}" y="26">{title}: {total} {name}</text>
<text id="reset" class="button hidden" x="{MARGIN}" y="26">Reset zoom</text>
<text id="search" class="button" x="{right}" y="26" text-anchor="end">Search</text>
<text id="details" x="{MARGIN}" y="{foot}"> </text>
<text id="matched" x="{right}" y="{foot}" text-anchor="end"> </text>
<g id="frames">
"##,
        middle = WIDTH / 2.0,
        right = WIDTH - MARGIN,
    )
}

fn frame_text(frame: &Drawn<'_>, whole: u64, figure: Figure) -> String {
    let scale = (WIDTH - 2.0 * MARGIN) / whole.max(1) as f64;
    let (x, width) = (MARGIN + frame.start as f64 * scale, frame.total as f64 * scale);
    let y = TOP + frame.depth * ROW;
    let share = 100.0 * frame.total as f64 / whole.max(1) as f64;
    let (total, unit) = (frame.total, figure.name());
    let mut label = frame.name.to_owned();
    if !frame.detail.is_empty() {
        label = format!("{label}  {}", frame.detail);
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        r#"<g data-s="{start}" data-t="{total}" data-d="{depth}" data-l="{label}"><title>{label} ({total} {unit}, {share:.2}%)</title><rect x="{x:.2}" y="{y}" width="{width:.2}" height="{high}" fill="{fill}" rx="1"/><text x="{tx:.2}" y="{ty}">{shown}</text></g>"#,
        start = frame.start,
        depth = frame.depth,
        label = Escaped(&label),
        high = ROW - 1,
        fill = colour(frame),
        tx = x + 3.0,
        ty = y + 12,
        shown = Escaped(&fitting(&label, width)),
    );
    text
}

/// As much of a label as a frame has room for.
fn fitting(label: &str, width: f64) -> String {
    let room = ((width - 6.0) / CHAR).max(0.0) as usize;
    if label.chars().count() <= room {
        return label.to_owned();
    }
    if room < 3 {
        return String::new();
    }
    label.chars().take(room - 1).chain(['…']).collect()
}

/// Functions are orange, loops blue, lines yellow; the shade goes by the name, so that it stays the same from
/// one graph to the next.
fn colour(frame: &Drawn<'_>) -> String {
    let mut shade: u32 = 0x811c_9dc5;
    for byte in frame.name.bytes() {
        shade = (shade ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let shade = (shade >> 16) % 40;
    let is_line = frame.name.contains(':');
    let (r, g, b) = match (frame.depth, frame.name.starts_with("loop ")) {
        (0, _) => (220, 220, 220),
        (_, true) => (110 + shade, 160 + shade, 230),
        _ if is_line => (250, 205 + shade, 90 + shade),
        _ => (240, 120 + shade, 50 + shade),
    };
    format!("rgb({r},{g},{b})")
}

/// What makes the picture answer to the pointer.
const SCRIPT: &str = include_str!("flame.script.svg");

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    fn graph() -> String {
        let mut out = Vec::new();
        write_flame_graph(&mut out, &example(), "a.o main", Figure::Insns).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn frames_have_their_totals() {
        let graph = graph();
        assert!(graph.contains(r#"data-total="52""#), "{graph}");
        assert!(graph.contains("<title>all (52 insns, 100.00%)</title>"));
        assert!(graph.contains("<title>loop a.c:2 (50 insns, 96.15%)</title>"));
        assert!(
            graph.contains("<title>a.c:2  while (x &lt; 9 &amp;&amp; y &gt; 8) (50 insns, 96.15%)</title>"),
            "{graph}"
        );
        assert!(graph.contains("<title>callee (20 insns, 38.46%)</title>"));
    }

    #[test]
    fn labels_fit() {
        assert_eq!(fitting("abcdef", 60.0), "abcdef");
        assert_eq!(fitting("abcdef", 35.0), "abc…");
        assert_eq!(fitting("abcdef", 20.0), "");
    }
}
