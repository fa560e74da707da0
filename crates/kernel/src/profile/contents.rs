//! Whether a directory's files are what their names promise, and whole.

use verdict_btf::{Btf, Kind};

use super::KernelError;
use super::files::File;
use crate::sorted;

/// Refuses what is no configuration, or not all of one.
pub(super) fn check_config(file: &File) -> Result<(), KernelError> {
    let text = &file.bytes;
    let mut lines = text.split(|&b| b == b'\n').zip(1..);
    let is_line = |line: &[u8]| match line.trim_ascii() {
        [] | [b'#', ..] => true,
        line => line.starts_with(b"CONFIG_") && line.contains(&sorted::CONFIG_SEPARATOR),
    };
    if let Some((line, number)) = lines.find(|(line, _)| !is_line(line)) {
        return Err(wrong_line(
            file,
            line,
            number,
            "sets no CONFIG_ option and is no comment",
        ));
    }
    if sorted::config(text).is_empty() {
        return Err(file.wrong("no line sets a CONFIG_ option"));
    }
    check_last_line(file)?;
    // kconfig writes the end of each menu since Linux 5.2, and this one's last.
    let has = |wanted: &[u8]| {
        text.split(|&b| b == b'\n')
            .any(|line| line.trim_ascii_end().starts_with(wanted))
    };
    if has(b"# end of ") && !has(b"# end of Kernel hacking") {
        return Err(file.wrong("cut short: it has no line '# end of Kernel hacking'"));
    }
    Ok(())
}

/// More lines than any kernel's symbols have: each of them takes memory.
const MAX_SYMBOLS: usize = 4_000_000;

/// How many symbols a list has.
#[derive(Clone, Copy, Default)]
pub(super) struct Symbols {
    pub(super) all: usize,
    pub(super) of_modules: usize,
}

/// Counts the symbols of a list; refuses what is none, or not all of one. `is_whole` says whether data is in it, too, as
/// `CONFIG_KALLSYMS_ALL` has it.
pub(super) fn check_kallsyms(file: &File, is_whole: bool) -> Result<Symbols, KernelError> {
    // Where a kernel's code begins and ends, and where that of its start ends: of the names of each a list has one at least.
    const EDGES: [&[&str]; 3] = [&["_stext", "_text"], &["_etext"], &["_einittext"]];
    // Where the whole image ends, which is a symbol of data.
    const END: &[&str] = &["_end"];
    let mut seen = [false; 4];
    let mut symbols = Symbols::default();
    for (line, number) in file.bytes.split(|&b| b == b'\n').zip(1..) {
        if number > MAX_SYMBOLS {
            return Err(file.wrong(format!("it has more than {MAX_SYMBOLS} lines")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let Some((name, _, module)) = sorted::symbol(line).filter(|(_, kind, _)| matches!(kind, [_])) else {
            let wrong = "is not an address (which may be missing), a type's letter and a name";
            return Err(wrong_line(file, line, number, wrong));
        };
        symbols.all += 1;
        symbols.of_modules += usize::from(module.is_some());
        let edges = EDGES.into_iter().chain([END]);
        for (seen, names) in seen.iter_mut().zip(edges) {
            *seen |= names.iter().any(|edge| edge.as_bytes() == name);
        }
    }
    let edges = EDGES.into_iter().chain(is_whole.then_some(END));
    let missing: Vec<_> = edges
        .zip(seen)
        .filter(|(_, seen)| !seen)
        .filter_map(|(names, _)| names.first().copied())
        .collect();
    if missing.len() == EDGES.len() + usize::from(is_whole) {
        return Err(
            file.wrong("not those of a whole kernel: _stext, where its code begins, is not among them")
        );
    }
    if !missing.is_empty() {
        let missing = missing.join(" and ");
        return Err(file.wrong(format!("cut short or filtered: it lacks {missing}")));
    }
    check_last_line(file).map(|()| symbols)
}

/// That a line is wrong; of the last one, behind others, that it is a part of one.
fn wrong_line(file: &File, line: &[u8], number: usize, wrong: &str) -> KernelError {
    let is_last = !line.is_empty() && file.bytes.ends_with(line);
    match check_last_line(file) {
        Err(cut) if is_last && number > 1 => cut,
        _ => file.wrong(format!("line {number} {wrong}")),
    }
}

/// Refuses a text whose last line has no end.
fn check_last_line(file: &File) -> Result<(), KernelError> {
    match file.bytes.ends_with(b"\n") {
        true => Ok(()),
        false => Err(file.wrong("cut short: its last line does not end")),
    }
}

/// Parses a kernel's BTF; refuses what is something else.
pub(super) fn parse_btf(file: File) -> Result<Btf, KernelError> {
    if file.bytes.starts_with(b"\x7fELF") {
        let wrong = "an ELF image, not what is in its section .BTF (objcopy --dump-section .BTF=FILE IMAGE)";
        return Err(file.wrong(wrong));
    }
    let (bytes, file) = file.take_bytes();
    let btf = Btf::parse(bytes).map_err(|e| file.wrong(format!("not BTF, or cut short: {e}")))?;
    // Of a program or a module it would be BTF, too.
    if btf.find("task_struct", Kind::Struct).is_none() {
        return Err(file.wrong("the BTF of something else: it has no struct task_struct"));
    }
    Ok(btf)
}
