//! The whole of it: a directory for `--kernel-dir` made of the running kernel, or of answers that were kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use verdict_kernel::prog::ProgType;
use verdict_kernel::{KNOWN, Kernel, KernelError, Known, Machine, Title};

use crate::answer::{self, Answer};
use crate::ask::Asker;
use crate::corpus::{HARMFUL, objects};
use crate::facts::{Facts, Modelled, candidates, differences, facts, is_denied, returns};
use crate::machine::{FileError, Files, machine};
use crate::settle::{Settled, settle};

/// What a directory keeps of the kernel's answers about programs.
pub const ANSWERS: &str = "answers.jsonl.gz";

/// The same about facts.
pub const FACTS: &str = "facts.json";

/// What a kernel was asked and answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Programs of the corpus.
    pub answers: Vec<Answer>,
    /// What kinds of programs may do.
    pub facts: Facts,
}

/// What was found out.
#[derive(Debug)]
pub struct Found {
    /// The switches.
    pub settled: Settled,
    /// The known kernel whose tables fit the facts best.
    pub tables: &'static str,
    /// How many facts these have otherwise than the kernel.
    pub unsure: usize,
    /// Kinds of programs that may not be loaded where the kernel was asked.
    pub denied: Vec<String>,
}

/// Why there is no capture.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// A file of the machine is missing.
    Machine(FileError),
    /// A file is not what it has to be.
    Kernel(KernelError),
    /// Programs cannot be loaded.
    Unprivileged(io::Error),
    /// A file of the directory.
    Io(PathBuf, io::Error),
}

impl std::fmt::Display for CaptureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CaptureError::Machine(error) => error.fmt(f),
            CaptureError::Kernel(error) => error.fmt(f),
            CaptureError::Unprivileged(error) => {
                write!(
                    f,
                    "the kernel cannot be asked: {error}; loading programs needs root"
                )
            }
            CaptureError::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CaptureError::Machine(error) => Some(error),
            CaptureError::Kernel(error) => Some(error),
            CaptureError::Unprivileged(error) | CaptureError::Io(_, error) => Some(error),
        }
    }
}

/// The known profile whose release is nearest to a version.
pub fn nearest(version: (u8, u8, u16)) -> &'static str {
    let distance = |known: &(u8, u8, u16)| {
        let flat = |(major, minor, patch): (u8, u8, u16)| {
            (i64::from(major) * 256 + i64::from(minor)) * 65536 + i64::from(patch)
        };
        (flat(*known) - flat(version)).abs()
    };
    let nearest = KNOWN.iter().min_by_key(|known| distance(&known.version));
    nearest.map_or("", |known| known.name)
}

/// Asks the running kernel about all programs of the corpus. `tell` hears of each object before it is asked about.
///
/// # Errors
/// When programs cannot be loaded.
pub fn ask(files: &Files, mut tell: impl FnMut(&str)) -> Result<Asked, CaptureError> {
    may_load().map_err(CaptureError::Unprivileged)?;
    let version = files.under(KNOWN[0].name).map_err(CaptureError::Kernel)?.version;
    let mut kernel = files.under(nearest(version)).map_err(CaptureError::Kernel)?;
    kernel.machine = machine(Path::new("/"), kernel.machine);
    let mut asker = Asker::new(&kernel);
    let mut answers = Vec::new();
    for (name, bytes) in objects().iter().filter(|(name, _)| !HARMFUL.contains(name)) {
        tell(name);
        answers.extend(asker.object(name, bytes));
    }
    tell("facts");
    let kfuncs = candidates(&kernel, &under_each(files)?);
    let facts = facts(&kernel, &kfuncs, &mut asker);
    Ok(Asked { answers, facts })
}

/// Whether a program of two instructions can be loaded that only those may load who may load all.
///
/// # Errors
/// What the kernel says if not.
pub fn may_load() -> io::Result<()> {
    let insns: Vec<u8> = returns(0).iter().flat_map(|insn| insn.to_bytes()).collect();
    let attr = verdict_notify::ProgAttr {
        prog_type: ProgType::Kprobe.raw(),
        insns: &insns,
        license: c"GPL",
        name: "may_load",
        ..verdict_notify::ProgAttr::default()
    };
    verdict_notify::prog_load(&attr, &mut []).map(|_| ())
}

/// Finds the settings that fit the answers. `site` sets what is a fact of the machine and not of
/// the kernel.
///
/// # Errors
/// When a file is not what it has to be.
pub fn find(files: &Files, site: impl Fn(Machine) -> Machine, asked: &Asked) -> Result<Found, CaptureError> {
    let mut kernels = under_each(files)?;
    for kernel in &mut kernels {
        kernel.machine = site(kernel.machine);
    }
    let kfuncs = candidates(&kernels[0], &kernels);
    let compared = kernels.iter().zip(KNOWN).map(|(kernel, known)| {
        let modelled = facts(kernel, &kfuncs, &mut Modelled(kernel));
        (differences(&asked.facts, &modelled), known.name, kernel.tables)
    });
    let fewest = compared.min_by_key(|((_, count), ..)| *count);
    let ((unsure, count), tables, rows) = fewest.expect("there is a known kernel");
    for kernel in &mut kernels {
        (kernel.tables, kernel.unsure) = (rows, unsure.as_slice().into());
    }
    let bases = KNOWN.iter().map(|known| known.name).zip(kernels);
    let denied = asked.facts.iter().filter(|(_, allowed)| is_denied(allowed));
    Ok(Found {
        denied: denied.map(|(name, _)| name.clone()).collect(),
        settled: settle(bases, objects(), &asked.answers).expect("there is a known kernel"),
        tables,
        unsure: count,
    })
}

/// The kernel by the rules of each known one, in their order.
fn under_each(files: &Files) -> Result<Vec<Kernel>, CaptureError> {
    let under = |known: &Known| files.under(known.name).map_err(CaptureError::Kernel);
    KNOWN.iter().map(under).collect()
}

/// Writes the kernel's files and what it answered.
///
/// # Errors
/// Those of the file system.
pub fn write(dir: &Path, files: &Files, asked: &Asked) -> Result<(), CaptureError> {
    let at = |name: &str| dir.join(name);
    let io = |name: &str| {
        let path = at(name);
        move |error| CaptureError::Io(path, error)
    };
    files.write(dir).map_err(io(""))?;
    let out = fs::File::create(at(ANSWERS)).map_err(io(ANSWERS))?;
    answer::write(&asked.answers, out).map_err(io(ANSWERS))?;
    let facts = serde_json::to_vec(&asked.facts).map_err(|e| io(FACTS)(e.into()))?;
    fs::write(at(FACTS), facts).map_err(io(FACTS))
}

/// Writes the files of the running machine's kernel, what it answered, and what follows from that.
///
/// # Errors
/// Those of the file system, and when there is no known kernel to start from.
pub fn write_settled(dir: &Path, files: &Files, asked: &Asked) -> Result<Found, CaptureError> {
    write(dir, files, asked)?;
    let found = find(files, |known| machine(Path::new("/"), known), asked)?;
    write_rules(dir, files.release(), &found)?;
    Ok(found)
}

/// Writes what was found out.
///
/// # Errors
/// Those of the file system.
pub fn write_rules(dir: &Path, release: &str, found: &Found) -> Result<(), CaptureError> {
    let settled = &found.settled;
    let title = Title {
        name: release,
        doc: &format!("captured by asking it; tables of {}", found.tables),
        missing: &settled.unexplained,
    };
    let write = |name: &str, text: String| {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| CaptureError::Io(path, error))
    };
    write("release.toml", settled.kernel.release_toml(&title))?;
    write("semantics.toml", settled.kernel.semantics_toml())
}

/// The answers that a directory keeps.
///
/// # Errors
/// When one of the two files is not there, or is something else.
pub fn read(dir: &Path) -> Result<Asked, CaptureError> {
    let at = |name: &str| {
        let path = dir.join(name);
        move |error| CaptureError::Io(path, error)
    };
    let file = fs::File::open(dir.join(ANSWERS)).map_err(at(ANSWERS))?;
    let facts = fs::read(dir.join(FACTS)).map_err(at(FACTS))?;
    Ok(Asked {
        answers: answer::read(file).map_err(at(ANSWERS))?,
        facts: serde_json::from_slice(&facts).map_err(|e| at(FACTS)(e.into()))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_profile_is_that_of_the_nearest_release() {
        for (version, name) in [
            ((6, 1, 180), "6.1.192-deb12-amd64"),
            ((6, 12, 118), "6.12.117-deb12-amd64"),
            ((6, 19, 14), "6.18.15-deb13-amd64"),
            ((7, 0, 0), "6.18.15-deb13-amd64"),
            ((5, 15, 1), "5.10.262-deb11-amd64"),
        ] {
            assert_eq!(nearest(version), name, "{version:?}");
        }
    }
}
