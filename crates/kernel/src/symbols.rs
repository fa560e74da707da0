//! The symbols of all known kernels in one table: most names stand in several of them.
//!
//! Names are sorted and stand in blocks; in a block each is written as what it does not share with the one
//! before. What symbols a name has, and in which kernels, is its *record*, which thousands of names have in common. The
//! table is embedded as it is: it costs nothing to open. `build.rs` makes it with `symbols/make.rs`.

#[cfg(test)]
mod make;

/// A symbol's type (`nm`'s letter) and the module that it belongs to.
pub(crate) type Symbol<'t> = (&'t [u8], Option<&'t [u8]>);

/// The table in the form that look-up wants.
#[derive(Debug)]
pub(crate) struct Symbols {
    /// For each name: bytes shared with the name before, bytes that follow, those bytes, index of its record.
    pub(crate) names: &'static [u8],
    /// Where each block of names starts: four bytes each, the lowest first.
    pub(crate) blocks: &'static [u8],
    /// For each record: how many symbols; for each of them the kernels (bit *n*: the *n*th), type, module with its length.
    pub(crate) records: &'static [u8],
    /// Where each record starts, as in `blocks`.
    pub(crate) record_at: &'static [u8],
}

/// Reads a number in groups of seven bits, the lowest first.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for group in 0..4 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << (7 * group);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Reads as many bytes as a number says.
fn counted<'t>(bytes: &mut &'t [u8]) -> Option<&'t [u8]> {
    let length = number(bytes)?;
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(head)
}

/// What starts at the place that the `index`th entry of `places` says.
fn place<'t>(table: &'t [u8], places: &[u8], index: usize) -> Option<&'t [u8]> {
    let (entries, _) = places.as_chunks::<4>();
    table.get(u32::from_le_bytes(*entries.get(index)?) as usize..)
}

impl Symbols {
    /// The symbols of this name in the kernel of bit `kernel`, in the order of its list.
    pub(crate) fn find<'t>(&'t self, wanted: &str, kernel: usize) -> impl Iterator<Item = Symbol<'t>> {
        let record = self.record(wanted.as_bytes());
        record
            .into_iter()
            .flat_map(move |record| self.of_record(record, kernel))
    }

    /// The symbols of all names in the kernel of bit `kernel`, in the order of the names.
    pub(crate) fn all(&self, kernel: usize) -> impl Iterator<Item = (Vec<u8>, Symbol<'_>)> {
        let (mut rest, mut name) = (self.names, Vec::new());
        let names = std::iter::from_fn(move || {
            name.truncate(number(&mut rest)?);
            name.extend_from_slice(counted(&mut rest)?);
            Some((name.clone(), number(&mut rest)?))
        });
        names.flat_map(move |(name, record)| {
            let symbols = self.of_record(record, kernel);
            symbols.map(move |symbol| (name.clone(), symbol))
        })
    }

    /// What a record says of the kernel of bit `kernel`.
    fn of_record(&self, record: usize, kernel: usize) -> impl Iterator<Item = Symbol<'_>> {
        let mut rest = place(self.records, self.record_at, record).unwrap_or_default();
        let count = number(&mut rest).unwrap_or(0);
        let symbols = (0..count).map_while(move |_| {
            let kernels = number(&mut rest)?;
            let kind = counted(&mut rest)?;
            let module = counted(&mut rest)?;
            Some((kernels, kind, Some(module).filter(|m| !m.is_empty())))
        });
        symbols
            .filter(move |(kernels, ..)| kernels >> kernel & 1 != 0)
            .map(|(_, kind, module)| (kind, module))
    }

    /// The first name of a block, and where the block starts.
    fn block(&self, index: usize) -> Option<(&'static [u8], &'static [u8])> {
        let start = place(self.names, self.blocks, index)?;
        let mut first = start;
        number(&mut first)?;
        Some((counted(&mut first)?, start))
    }

    /// The index of a name's record.
    fn record(&self, wanted: &[u8]) -> Option<usize> {
        // Blocks before `low` start with the wanted name or a smaller one, those from `high` on do not.
        let (mut low, mut high) = (0, self.blocks.len() / 4);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.block(middle)?.0 <= wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let (_, mut rest) = self.block(low.checked_sub(1)?)?;
        let after = self.block(low).map_or(0, |(_, start)| start.len());
        let mut name = Vec::new();
        while rest.len() > after {
            name.truncate(number(&mut rest)?);
            name.extend_from_slice(counted(&mut rest)?);
            let record = number(&mut rest)?;
            if name == wanted {
                return Some(record);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The symbols of one kernel: name, type, module.
    type List<'t> = &'t [(&'t str, &'t str, Option<&'t str>)];

    fn made(lists: &[List<'static>]) -> Symbols {
        let list = |list: &List<'static>| {
            let symbols = list.iter();
            let symbols = symbols
                .map(|(name, kind, module)| (name.as_bytes(), (kind.as_bytes(), module.map(str::as_bytes))));
            symbols.collect()
        };
        let made = make::table(&lists.iter().map(list).collect::<Vec<_>>());
        Symbols {
            names: made.names.leak(),
            blocks: made.blocks.leak(),
            records: made.records.leak(),
            record_at: made.record_at.leak(),
        }
    }

    fn all(symbols: &Symbols, name: &str, kernel: usize) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let found = symbols.find(name, kernel);
        found
            .map(|(kind, module)| text(kind) + &module.map(text).unwrap_or_default())
            .collect()
    }

    #[test]
    fn each_kernel_has_its_own_symbols_in_their_order() {
        let symbols = made(&[
            &[("alpha", "t", None), ("alpha", "T", None), ("beta", "d", None)],
            &[
                ("alpha", "T", None),
                ("alpha", "t", None),
                ("alphabet", "B", Some("module")),
            ],
            &[],
        ]);
        assert_eq!(all(&symbols, "alpha", 0), ["t", "T"]);
        assert_eq!(all(&symbols, "alpha", 1), ["T", "t"]);
        assert_eq!(all(&symbols, "beta", 0), ["d"]);
        assert_eq!(all(&symbols, "alphabet", 1), ["Bmodule"]);
        for (absent, kernel) in [
            ("beta", 1),
            ("alphabet", 0),
            ("alpha", 2),
            ("", 0),
            ("aaa", 0),
            ("alph", 0),
            ("zz", 1),
        ] {
            assert!(all(&symbols, absent, kernel).is_empty(), "{absent} {kernel}");
        }
        assert!(all(&made(&[]), "alpha", 0).is_empty());
    }

    #[test]
    fn every_name_of_many_blocks_is_found() {
        let mut names: Vec<String> = (0..1000).map(|n| format!("name_{}", n * 7919 % 1000)).collect();
        names.push("long_".repeat(60));
        names.sort();
        let names: &'static [String] = names.leak();
        let list: Vec<_> = names.iter().map(|n| (n.as_str(), "t", None)).collect();
        let symbols = made(&[list.leak()]);
        let listed = symbols
            .all(0)
            .map(|(name, _)| String::from_utf8_lossy(&name).into_owned());
        assert!(listed.eq(names.iter().cloned()));
        assert_eq!(symbols.all(1).count(), 0);
        for name in names {
            assert_eq!(all(&symbols, name, 0), ["t"], "{name}");
            assert!(all(&symbols, &name[..name.len() - 1], 0).len() <= 1);
            assert!(all(&symbols, &format!("{name}~"), 0).is_empty());
        }
    }
}
