//! Look-up in sorted lines: kernel configurations and symbol names without an index in memory.
//!
//! A table is text whose lines are `key`, one separator byte, `rest`, sorted by key. It can be embedded as
//! it is, costs nothing to open and is searched by bisection. `build.rs` uses this file too.

/// What separates a line's key from the rest in [`kallsyms`] tables.
pub(crate) const KSYM_SEPARATOR: u8 = b'\t';
/// What separates a line's key from the rest in [`config`] tables.
pub(crate) const CONFIG_SEPARATOR: u8 = b'=';

/// Prepares a kernel configuration (`CONFIG_NAME=value` lines among comments).
pub(crate) fn config(text: &[u8]) -> Vec<u8> {
    let lines = text
        .split(|&b| b == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .filter(|l| l.starts_with(b"CONFIG_") && l.contains(&CONFIG_SEPARATOR));
    let mut lines: Vec<_> = lines.map(|line| (key(line, CONFIG_SEPARATOR), line)).collect();
    // Stable: lines of one key keep their order.
    lines.sort_by_key(|(key, _)| *key);
    let mut out = Vec::with_capacity(text.len());
    for (_, line) in lines {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out
}

/// A symbol's name, type and module.
pub(crate) type Symbol<'t> = (&'t [u8], &'t [u8], Option<&'t [u8]>);

/// The symbol in a line of a symbol list: `[address] type name [module]`.
pub(crate) fn symbol(line: &[u8]) -> Option<Symbol<'_>> {
    let mut fields = line
        .split(u8::is_ascii_whitespace)
        .filter(|f| !f.is_empty())
        .peekable();
    // A type is one letter, an address never is.
    fields.next_if(|field| field.len() >= 8 && field.iter().all(u8::is_ascii_hexdigit));
    let (kind, name) = (fields.next()?, fields.next()?);
    let module = fields.next().map(|m| {
        m.strip_prefix(b"[")
            .and_then(|m| m.strip_suffix(b"]"))
            .unwrap_or(m)
    });
    Some((name, kind, module))
}

/// The symbols of a list, sorted by name; those of one name keep their order.
pub(crate) fn symbols(text: &[u8]) -> Vec<Symbol<'_>> {
    let mut symbols = Vec::with_capacity(text.len() / 24);
    symbols.extend(text.split(|&b| b == b'\n').filter_map(symbol));
    symbols.sort_by_key(|(name, ..)| *name);
    symbols
}

/// Prepares a symbol list: name, tab, type, and module after another tab.
pub(crate) fn kallsyms(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1);
    for (name, kind, module) in symbols(text) {
        out.extend_from_slice(name);
        for field in [Some(kind), module].into_iter().flatten() {
            out.push(KSYM_SEPARATOR);
            out.extend_from_slice(field);
        }
        out.push(b'\n');
    }
    out
}

/// A symbol's name, and its type and module.
type Named<'t> = (Vec<u8>, (&'t [u8], Option<&'t [u8]>));

/// All symbols of a table that [`kallsyms`] made, with their names.
pub(crate) fn all_symbols(table: &[u8]) -> impl Iterator<Item = Named<'_>> {
    table.split(|&b| b == b'\n').filter_map(|line| {
        let mut fields = line.split(|&b| b == KSYM_SEPARATOR);
        let (name, kind) = (fields.next()?, fields.next()?);
        Some((name.to_vec(), (kind, fields.next())))
    })
}

/// Types and modules of the symbols of this name in a table that [`kallsyms`] made.
pub(crate) fn find_symbols<'t>(
    table: &'t [u8],
    name: &str,
) -> impl Iterator<Item = (&'t [u8], Option<&'t [u8]>)> {
    find(table, name, KSYM_SEPARATOR).map(|rest| {
        let mut fields = rest.split(|&b| b == KSYM_SEPARATOR);
        (fields.next().unwrap_or_default(), fields.next())
    })
}

fn key(line: &[u8], separator: u8) -> &[u8] {
    line.split(|&b| b == separator).next().unwrap_or_default()
}

/// The line that contains byte `at`, as its start and its end without the newline.
fn line_around(table: &[u8], at: usize) -> (usize, usize) {
    let before = table.get(..at).unwrap_or_default();
    let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
    let after = table.get(at..).unwrap_or_default();
    let end = after
        .iter()
        .position(|&b| b == b'\n')
        .map_or(table.len(), |p| at + p);
    (start, end)
}

/// All lines of `table` whose key is `wanted`, in order: what follows the separator.
pub(crate) fn find<'t>(table: &'t [u8], wanted: &str, separator: u8) -> impl Iterator<Item = &'t [u8]> {
    let wanted = wanted.as_bytes().to_vec();
    // Invariant: lines starting before `low` have smaller keys, those starting at `high` or later do not.
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let (start, end) = line_around(table, low + (high - low) / 2);
        let line = table.get(start..end).unwrap_or_default();
        if key(line, separator) < wanted.as_slice() {
            low = end + 1;
        } else {
            high = start;
        }
    }
    let rest = table.get(low..).unwrap_or_default();
    rest.split(|&b| b == b'\n')
        .take_while(move |line| !wanted.is_empty() && key(line, separator) == wanted)
        .map(move |line| line.get(key(line, separator).len() + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(table: &[u8], name: &str, sep: u8) -> Vec<String> {
        find(table, name, sep)
            .map(|r| String::from_utf8_lossy(r).into_owned())
            .collect()
    }

    #[test]
    fn symbols_are_found_with_all_their_duplicates() {
        let table = kallsyms(b"T zeta\nt alpha\nd beta [mod]\nT alpha\nD a\n");
        assert_eq!(all(&table, "alpha", KSYM_SEPARATOR), ["t", "T"]);
        assert_eq!(all(&table, "beta", KSYM_SEPARATOR), ["d\tmod"]);
        assert_eq!(all(&table, "zeta", KSYM_SEPARATOR), ["T"]);
        assert_eq!(all(&table, "a", KSYM_SEPARATOR), ["D"]);
        for absent in ["", "alph", "alphab", "zz", "0"] {
            assert!(all(&table, absent, KSYM_SEPARATOR).is_empty(), "{absent}");
        }
        assert!(all(b"", "a", KSYM_SEPARATOR).is_empty());
    }

    #[test]
    fn configuration_lines_are_found_whole() {
        let table = config(b"# comment\nCONFIG_B=y\n# CONFIG_C is not set\nCONFIG_A_B=\"x=y\"\nCONFIG_A=1\n");
        assert_eq!(all(&table, "CONFIG_A", CONFIG_SEPARATOR), ["1"]);
        assert_eq!(all(&table, "CONFIG_A_B", CONFIG_SEPARATOR), ["\"x=y\""]);
        assert_eq!(all(&table, "CONFIG_B", CONFIG_SEPARATOR), ["y"]);
        assert!(all(&table, "CONFIG_C", CONFIG_SEPARATOR).is_empty());
    }
}
