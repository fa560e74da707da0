//! Which places that refuse real kernels were compared at.
//!
//! A place counts as compared when some program that is refused there agrees with a recording in all fields: `parity
//! --save-sites` and `native --save-sites` say where that was. Those never compared are listed by name in
//! `golden/coverage.txt`, each with a reason, and the list is held to what is found.

mod list;
mod recorded;
mod sites;
mod source;
mod switches;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use sites::Sites;

use crate::{Done, root};
use list::List;

/// Where the places never compared are listed.
const LIST: &str = "golden/coverage.txt";

/// Share of the reachable places, in percent, that must be compared; 97 is aimed at.
const LEAST: f64 = 94.5;

/// What to count.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Places where verdict and a real kernel refused alike, as other chores save them
    #[arg(long, value_name = "FILE", default_value = "target/sites.txt")]
    sites: Vec<PathBuf>,
    /// Write the list of those never compared, keeping reasons
    #[arg(long)]
    write: bool,
    /// Look through the whole corpus for programs that show the values of switches never compared
    #[arg(long)]
    search: bool,
    /// Say for each place of a file whose name ends so by which program it was compared
    #[arg(long, value_name = "FILE")]
    show: Option<String>,
}

/// Counts, prints, and holds the list to what is found.
pub(crate) fn run(args: &Args) -> Done {
    let sites = Sites::find()?;
    let mut hit = recorded::all()?;
    for file in &args.sites {
        hit.extend(read(file)?);
    }
    if let Some(show) = &args.show {
        for name in sites
            .names()
            .filter(|name| file_of(name).ends_with(show.as_str()))
        {
            println!("{name}: {}", hit.get(name).map_or("-", String::as_str));
        }
    }
    let mut missed: Vec<&str> = sites.names().filter(|name| !hit.contains_key(*name)).collect();
    let (values, seen) = (switches::all(), switches::compared()?);
    let unseen: Vec<&str> = values
        .iter()
        .map(String::as_str)
        .filter(|value| !seen.contains_key(*value))
        .collect();
    if args.search {
        switches::search(&unseen)?;
    }
    let places_missed = missed.len();
    missed.extend(&unseen);
    let path = root().join(LIST);
    let list = List::read(&path)?;
    if args.write {
        list.write(&path, &missed)?;
    }
    let list = List::read(&path)?;
    let mut well = list.hold(&missed);
    print(&sites, &missed[..places_missed], &list);
    for value in &unseen {
        println!("{value}: never compared");
    }
    let all = sites.names().count();
    let unreachable = missed
        .iter()
        .take(places_missed)
        .filter(|name| list.is_unreachable(name))
        .count();
    let (compared, reachable) = (all - places_missed, all - unreachable);
    let share = 100.0 * compared as f64 / reachable.max(1) as f64;
    println!(
        "{all} places that refuse: {compared} compared with a real kernel, {unreachable} unreachable, \
         {} never compared: {share:.2} % of the reachable ones",
        reachable - compared
    );
    println!(
        "{} values of switches: {} compared with a real kernel",
        values.len(),
        values.len() - unseen.len()
    );
    if share < LEAST {
        println!("at least {LEAST} % are expected");
        well = false;
    }
    Ok(well)
}

/// Prints those never compared, by file.
fn print(sites: &Sites, missed: &[&str], list: &List) {
    let mut files: BTreeMap<&str, (usize, Vec<&str>)> = BTreeMap::new();
    for name in sites.names() {
        files.entry(file_of(name)).or_default().0 += 1;
    }
    for name in missed.iter().filter(|name| !list.is_unreachable(name)) {
        files.entry(file_of(name)).or_default().1.push(name);
    }
    for (file, (all, missed)) in files.into_iter().filter(|(_, (_, missed))| !missed.is_empty()) {
        println!("{file}: {} of {all} never compared", missed.len());
        for name in missed {
            println!("    {}", name.strip_prefix(file).unwrap_or(name).trim_start());
        }
    }
}

fn file_of(name: &str) -> &str {
    name.split(' ').next().unwrap_or_default()
}

/// Adds places where a kernel was met to a file: each with a program that was refused there.
///
/// # Errors
/// Names the file that cannot be read or written.
pub(crate) fn save(file: &Path, found: BTreeMap<String, String>) -> Result<(), String> {
    let mut all = if file.exists() {
        read(file)?
    } else {
        BTreeMap::new()
    };
    for (name, program) in found {
        all.entry(name).or_insert(program);
    }
    let text: String = all
        .iter()
        .map(|(name, program)| format!("{name}\t{program}\n"))
        .collect();
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

fn read(file: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = fs::read_to_string(file).map_err(|e| {
        format!(
            "{}: {e}: `xtask parity --save-sites {0}` writes it",
            file.display()
        )
    })?;
    let pair = |line: &str| {
        let (name, program) = line.split_once('\t').unwrap_or((line, ""));
        (name.to_owned(), program.to_owned())
    };
    Ok(text.lines().map(pair).collect())
}

/// The names of places that are given by file and line, as a worker says them.
///
/// # Errors
/// Names a place of the crates that are looked through where nothing was found.
pub(crate) fn named<'a>(
    found: impl Iterator<Item = (&'a (String, u32), String)>,
) -> Result<BTreeMap<String, String>, String> {
    let sites = Sites::find()?;
    let mut named = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    for ((file, line), program) in found {
        match sites.name(file, *line) {
            Some(name) => drop(named.insert(name.to_owned(), program)),
            None if Sites::looks_through(file) => drop(unknown.insert(format!("{file}:{line}"))),
            None => {}
        }
    }
    if unknown.is_empty() {
        return Ok(named);
    }
    let unknown: Vec<_> = unknown.into_iter().collect();
    Err(format!(
        "refusals that are not found in the sources: {}",
        unknown.join(" ")
    ))
}
