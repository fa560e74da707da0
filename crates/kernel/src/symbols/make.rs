//! Makes the table of symbols, for `build.rs`.

use std::collections::HashMap;

/// Names in a block: what a look-up reads one after another.
const BLOCK: usize = 32;

/// A symbol's type (`nm`'s letter) and the module that it belongs to.
type Symbol<'t> = (&'t [u8], Option<&'t [u8]>);

/// The parts of a table, as `Symbols` has them.
pub(crate) struct Made {
    pub(crate) names: Vec<u8>,
    pub(crate) blocks: Vec<u8>,
    pub(crate) records: Vec<u8>,
    pub(crate) record_at: Vec<u8>,
}

fn write_number(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn write_place(out: &mut Vec<u8>, at: usize) {
    let at = u32::try_from(at).expect("a few megabytes");
    out.extend_from_slice(&at.to_le_bytes());
}

/// The symbols of one name, each with the kernels that have it, such that the order of every kernel's list is kept.
fn merge<'t>(per_kernel: &[Vec<Symbol<'t>>]) -> Vec<(usize, Symbol<'t>)> {
    let mut merged: Vec<(usize, Symbol<'t>)> = Vec::new();
    for (kernel, symbols) in per_kernel.iter().enumerate() {
        let mut from = 0;
        for &symbol in symbols {
            let rest = merged.iter().enumerate().skip(from);
            match rest.filter(|(_, (_, s))| *s == symbol).map(|(i, _)| i).next() {
                Some(i) => {
                    merged[i].0 |= 1 << kernel;
                    from = i + 1;
                }
                None => {
                    merged.insert(from, (1 << kernel, symbol));
                    from += 1;
                }
            }
        }
    }
    merged
}

/// A table of lists, one for each kernel: symbols with their names, sorted by name.
pub(crate) fn table(lists: &[Vec<(&[u8], Symbol<'_>)>]) -> Made {
    let mut rest: Vec<_> = lists.iter().map(Vec::as_slice).collect();
    let mut names = Vec::new();
    let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
    while let Some(name) = rest
        .iter()
        .filter_map(|list| list.first())
        .map(|(name, _)| *name)
        .min()
    {
        let mut per_kernel = Vec::new();
        for list in &mut rest {
            let here = list.iter().take_while(|(n, _)| *n == name).count();
            let (symbols, after) = list.split_at(here);
            per_kernel.push(symbols.iter().map(|(_, symbol)| *symbol).collect());
            *list = after;
        }
        let merged = merge(&per_kernel);
        let mut record = Vec::new();
        write_number(&mut record, merged.len());
        for (kernels, (kind, module)) in merged {
            write_number(&mut record, kernels);
            write_counted(&mut record, kind);
            write_counted(&mut record, module.unwrap_or_default());
        }
        *counts.entry(record.clone()).or_default() += 1;
        names.push((name, record));
    }
    // The most frequent ones first: a byte is enough for their index.
    let mut records: Vec<_> = counts.into_iter().collect();
    records.sort_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
    let mut made = Made {
        names: Vec::new(),
        blocks: Vec::new(),
        records: Vec::new(),
        record_at: Vec::new(),
    };
    let mut index = HashMap::new();
    for (record, _) in records {
        write_place(&mut made.record_at, made.records.len());
        made.records.extend_from_slice(&record);
        index.insert(record, index.len());
    }
    let mut before: &[u8] = &[];
    for (at, (name, record)) in names.iter().enumerate() {
        if at % BLOCK == 0 {
            write_place(&mut made.blocks, made.names.len());
            before = &[];
        }
        let shared = name.iter().zip(before).take_while(|(a, b)| a == b).count();
        write_number(&mut made.names, shared);
        write_counted(&mut made.names, &name[shared..]);
        write_number(&mut made.names, index[record]);
        before = name;
    }
    made
}
