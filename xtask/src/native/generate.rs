//! Programs made by chance, as objects.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use verdict::kernel::Kernel;
use verdict_gen::calls;
use verdict_gen::chance::Chance;
use verdict_gen::mutate::Original;
use verdict_gen::object::write_all;
use verdict_gen::structured;
use verdict_gen::text::{self, Source};

use super::Args;
use crate::mutate::seed_of;
use crate::workers::{file_name, objects};

/// What kind of programs are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Branches, loops, iterators, callbacks, functions, spills, resources
    Structured,
    /// Calls of helpers with arguments of all kinds
    Calls,
    /// Calls of kernel functions
    Kfuncs,
    /// The programs of given objects with single instructions changed
    Mutate,
    /// The programs of given objects with stretches of instructions of others
    Splice,
}

/// Programs in one object: opening it takes longer than most programs do.
const TOGETHER: usize = 50;

/// Instructions that are changed in each program at most.
const CHANGES: usize = 2;

/// An object, and its programs that are made as text, by name.
pub(super) struct Batch {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) texts: BTreeMap<String, String>,
}

/// How a program is made as text.
type Writer<'k> = Box<dyn Fn(&mut Chance) -> String + Sync + 'k>;

/// Makes programs, an object at a time: the same by the same number, whatever else is made.
pub(super) struct Maker<'k> {
    kind: Kind,
    seed: u64,
    count: usize,
    /// Of kinds that are made as text.
    writer: Option<Writer<'k>>,
    /// Of kinds that change objects: their names without endings, and what they are.
    originals: Vec<(String, Vec<u8>)>,
}

impl<'k> Maker<'k> {
    pub(super) fn new(kind: Kind, args: &Args, kernel: &'k Kernel) -> Result<Maker<'k>, String> {
        let writer: Option<Writer<'k>> = match kind {
            Kind::Structured => Some(Box::new(structured::program)),
            Kind::Calls => Some(Box::new(|chance| calls::program(kernel, chance))),
            Kind::Kfuncs => {
                let kfuncs = calls::Kfuncs::of(kernel);
                Some(Box::new(move |chance| calls::kfunc_program(&kfuncs, chance)))
            }
            Kind::Mutate | Kind::Splice => None,
        };
        let originals = match writer {
            Some(_) => Vec::new(),
            None => objects(&args.objects, &[])?
                .iter()
                .map(|path| original(path))
                .collect::<Result<_, _>>()?,
        };
        Ok(Maker {
            kind,
            seed: args.seed,
            count: args.count,
            writer,
            originals,
        })
    }

    /// How many objects there are to make.
    pub(super) fn batches(&self) -> usize {
        match self.writer {
            Some(_) => self.count.div_ceil(TOGETHER),
            None => self.count * self.originals.len(),
        }
    }

    /// One of the objects.
    pub(super) fn batch(&self, number: usize) -> Result<Batch, String> {
        match &self.writer {
            Some(writer) => self.written(number, writer),
            None => self.changed(number),
        }
    }

    fn written(&self, number: usize, writer: &Writer<'k>) -> Result<Batch, String> {
        let first = number * TOGETHER;
        let numbers = first..self.count.min(first + TOGETHER);
        let programs: Vec<_> = numbers
            .map(|number| {
                let mut chance = Chance(seed_of(self.seed, number, 0));
                (format!("p{number}"), writer(&mut chance))
            })
            .collect();
        Ok(Batch {
            name: format!("{}-{number}.bpf.o", self.seed),
            bytes: together(&programs)?,
            texts: programs.into_iter().collect(),
        })
    }

    fn changed(&self, number: usize) -> Result<Batch, String> {
        let (object, variant) = (number % self.originals.len(), number / self.originals.len());
        let (stem, bytes) = &self.originals[object];
        let original = Original::read(bytes).map_err(|e| e.to_string())?;
        let mut chance = Chance(seed_of(self.seed, object, variant));
        let bytes = match (self.kind, chance.of(&self.originals)) {
            (Kind::Splice, Some((_, other))) => {
                let other = Original::read(other).map_err(|e| e.to_string())?;
                original.spliced(&other, &mut chance)
            }
            _ => original.changed(CHANGES, &mut chance),
        };
        Ok(Batch {
            name: format!("{stem}.{}-{variant}.bpf.o", self.seed),
            bytes,
            texts: BTreeMap::new(),
        })
    }
}

/// An object's name without its ending, and its bytes.
fn original(path: &Path) -> Result<(String, Vec<u8>), String> {
    let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let bytes = fs::read(path).map_err(|e| wrong(&e))?;
    Original::read(&bytes).map_err(|e| wrong(&e))?;
    let name = file_name(path);
    let stem = name.strip_suffix(".bpf.o").unwrap_or(&name);
    Ok((stem.to_owned(), bytes))
}

/// An object of several programs.
fn together(programs: &[(String, String)]) -> Result<Vec<u8>, String> {
    let read = |(name, text): &(String, String)| -> Result<(String, Source), String> {
        let source = text::parse(text).map_err(|e| format!("{name}: {e}"))?;
        Ok((name.clone(), source))
    };
    let sources = programs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let named: Vec<_> = sources
        .iter()
        .map(|(name, source)| (name.as_str(), source))
        .collect();
    write_all(&named).map_err(|e| e.to_string())
}
