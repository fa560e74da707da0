//! The figures at the log's end.

use std::fmt::Write as _;

use verdict_engine::Stats;

/// Appends the figures; `detailed` asks for those of level 4, too.
pub(crate) fn footer(out: &mut String, stats: &Stats, detailed: bool) {
    if detailed {
        // How long it took is not known of another machine, and two runs give the same bytes.
        out.push_str("verification time 0 usec\n");
        let depth: Vec<String> = stats.stack_depth.iter().map(u32::to_string).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "stack depth {}", depth.join("+"));
    }
    let _ = writeln!(
        out,
        "processed {} insns (limit 1000000) max_states_per_insn {} total_states {} peak_states {} mark_read {}",
        stats.insns, stats.max_states_per_insn, stats.states, stats.peak_states, stats.mark_read
    );
}
