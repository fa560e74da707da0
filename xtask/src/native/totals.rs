//! What comparisons of programs made by chance came to, a line for each: `golden/native.tsv`.

use std::fs;
use std::path::Path;

use super::sweep::Swept;

/// What stands above the lines.
const HEAD: &str = "\
# Programs made by chance, compared with a running kernel by `xtask native --generate`: the same kind, objects, seed and count make the same
# programs on a kernel with the same types. `named` differ only in words that are known to, by the rule; `not_compared` are those for which
# verdict or the kernel's capture names something it does not know, or libbpf refuses them before.
kernel\tkind\tobjects\tseed\tcount\tequal\taccepted\twith_logs\tinsns\tnamed\tnot_compared\tdiffering
";

/// How many columns say what was compared; the others say what came of it.
const KEYS: usize = 5;

/// Puts a comparison into the file, in place of one of the same programs.
///
/// # Errors
/// Names the file that cannot be read or written.
pub(super) fn save(file: &Path, of: [&str; KEYS], swept: &Swept) -> Result<(), String> {
    let wrong = |e: std::io::Error| format!("{}: {e}", file.display());
    let text = if file.exists() {
        fs::read_to_string(file).map_err(wrong)?
    } else {
        String::new()
    };
    let named: Vec<String> = swept
        .named
        .iter()
        .map(|(rule, count)| format!("{rule}={count}"))
        .collect();
    let named = if named.is_empty() {
        "-".to_owned()
    } else {
        named.join(",")
    };
    let not_compared: usize = swept.left_out.values().sum();
    let of = of.join("\t");
    let line = format!(
        "{of}\t{}\t{}\t{}\t{}\t{named}\t{not_compared}\t{}",
        swept.equal, swept.accepted, swept.logged, swept.insns, swept.differing
    );
    let is_other = |kept: &&str| !kept.starts_with(&format!("{of}\t"));
    let kept = text
        .lines()
        .filter(|line| !HEAD.lines().any(|head| head == *line));
    let mut lines: Vec<&str> = kept.filter(is_other).chain([line.as_str()]).collect();
    lines.sort_unstable();
    fs::write(file, format!("{HEAD}{}\n", lines.join("\n"))).map_err(wrong)
}
