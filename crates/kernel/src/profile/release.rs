//! Of which release the kernel of a directory is: what its files say.

use std::path::Path;

use super::files::{File, without_ending};
use super::{KNOWN, KernelError};

/// Major, minor and patch level.
pub(super) type Version = (u8, u8, u16);

/// Of which release a kernel is, and which file says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// As it is written there: `6.12.117`, `6.18.44-custom`.
    pub name: String,
    /// Major, minor and patch level.
    pub version: (u8, u8, u16),
    /// Name of the file.
    pub file: String,
    tells: Tells,
}

/// What a release tells of the source that the kernel was made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tells {
    /// It is that version of upstream's.
    Upstream,
    /// It is that version of upstream's, with Debian's changes.
    Debian,
    /// The version may be a distribution's own number: the patch level is 0, whatever was taken over.
    Number,
    /// It is none of upstream's: somebody else's changes are in it.
    Other,
}

impl Tells {
    /// Of a release, by what follows its version.
    fn of(version: Version, rest: &str) -> Tells {
        match (version, rest) {
            (_, rest) if rest.starts_with("+deb") => Tells::Debian,
            ((.., 0), rest) if number(rest.strip_prefix('-').unwrap_or_default()).is_some() => Tells::Number,
            (_, "") => Tells::Upstream,
            _ => Tells::Other,
        }
    }
}

/// What the files say, the most exact first.
#[derive(Default)]
pub(super) struct Statements(Vec<Release>);

impl Statements {
    /// Reads what `release.toml` states, the head of a configuration, its file's name and what `/proc/version` or
    /// `uname -r` says.
    ///
    /// # Errors
    /// When they are of different kernels, or the last of them is something else.
    pub(super) fn gather(
        dir: &Path,
        stated: Option<Release>,
        config: &File,
        version: Option<&File>,
    ) -> Result<Statements, KernelError> {
        let mut all = Vec::from_iter(stated);
        all.extend(of_head(&config.bytes).and_then(|name| source(name, config.name())));
        if let Some(file) = version {
            let text = String::from_utf8_lossy(&file.bytes);
            let running = running(&text).ok_or_else(|| file.wrong("no release stands in it"))?;
            all.extend(debian(&text).and_then(|name| debian_source(name, file.name())));
            all.extend(numbered(running, file.name()));
        }
        let name = config.name();
        let named = name.strip_prefix("config-");
        all.extend(named.and_then(|release| numbered(without_ending(release), name.clone())));
        if let Some((a, b)) = contradiction(&all) {
            let says = format!("{} says {}, {} says {}", a.file, a.name, b.file, b.name);
            return Err(KernelError::Mixed(dir.to_owned(), says));
        }
        Ok(Statements(all))
    }

    /// The release, if any file says it.
    pub(super) fn release(&self) -> Option<&Release> {
        self.0.first()
    }

    /// The embedded profile of this version.
    pub(super) fn known(&self) -> Option<&'static str> {
        let release = self.release()?;
        let known = KNOWN.iter().find(|known| known.version == release.version);
        known.map(|known| known.name)
    }

    /// What says that it is another kernel than that of the embedded profile of its version.
    pub(super) fn other(&self) -> Option<&Release> {
        let is_debian = self.0.iter().any(|release| release.tells == Tells::Debian);
        self.0.iter().find(|release| match release.tells {
            Tells::Upstream | Tells::Debian => false,
            Tells::Number => !is_debian,
            Tells::Other => true,
        })
    }
}

/// Two that cannot be of one kernel.
fn contradiction(all: &[Release]) -> Option<(&Release, &Release)> {
    let (first, others) = all.split_first()?;
    let is_free = |release: &Release| matches!(release.tells, Tells::Number | Tells::Other);
    let agrees = |other: &&Release| {
        let ((major, minor, patch), (of_major, of_minor, of_patch)) = (first.version, other.version);
        // Many distributions keep the patch level at 0, whatever they take over.
        (major, minor) == (of_major, of_minor) && (patch == of_patch || of_patch == 0 && is_free(other))
    };
    let other = others.iter().find(|other| !agrees(other))?;
    Some((first, other))
}

/// The release that a configuration's head names: `# Linux/x86 6.12.117 Kernel Configuration`.
fn of_head(config: &[u8]) -> Option<&str> {
    head(config).map(|(_, release)| release)
}

/// The architecture that a configuration's head names.
pub(super) fn architecture(config: &[u8]) -> Option<&str> {
    head(config).map(|(architecture, _)| architecture)
}

/// Architecture and release of a configuration's head.
fn head(config: &[u8]) -> Option<(&str, &str)> {
    let lines = config.split(|&b| b == b'\n').take(10);
    lines
        .filter_map(|line| std::str::from_utf8(line).ok())
        .find_map(|line| {
            let line = line.trim_end().strip_prefix("# Linux/")?;
            line.strip_suffix(" Kernel Configuration")?.split_once(' ')
        })
}

/// The running kernel's release: all of the text, or what follows `Linux version`, or the third word of `uname -a`.
fn running(text: &str) -> Option<&str> {
    let line = text.lines().next()?;
    let word = match line.strip_prefix("Linux version ") {
        Some(rest) => rest.split_whitespace().next()?,
        None if line.starts_with("Linux ") => line.split_whitespace().nth(2)?,
        None => {
            let mut words = line.split_whitespace();
            words.next().filter(|_| words.next().is_none())?
        }
    };
    numbers(word).map(|_| word)
}

/// The version of the source that Debian names at the end of `/proc/version`: `Debian 6.1.192-1`.
fn debian(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(" Debian ")?;
    let (version, _) = rest.split_once(['-', '~'])?;
    numbers(version).filter(|(_, rest)| rest.is_empty())?;
    Some(version)
}

/// A release of the source, which nothing may follow: `6.12.117-rt5` is another one than `6.12.117`.
fn source(name: &str, file: String) -> Option<Release> {
    let (version, rest) = numbers(name)?;
    let tells = match rest {
        "" => Tells::Upstream,
        _ => Tells::Other,
    };
    Some(release(name, version, file, tells))
}

/// A release of the source that Debian's changes are in.
fn debian_source(name: &str, file: String) -> Option<Release> {
    let (version, _) = numbers(name)?;
    Some(release(name, version, file, Tells::Debian))
}

/// A running kernel's release, in which a distribution's own numbers may follow, or stand in place of the patch level.
fn numbered(name: &str, file: String) -> Option<Release> {
    let (version, rest) = numbers(name)?;
    Some(release(name, version, file, Tells::of(version, rest)))
}

/// What a profile states by its `release.toml`, whose names have no `+`.
pub(super) fn stated(name: &str, version: Version, file: String) -> Release {
    let tells = match numbers(name).filter(|(named, _)| *named == version) {
        Some((_, rest)) if rest.starts_with("-deb") => Tells::Debian,
        Some((_, rest)) => Tells::of(version, rest),
        None => Tells::Other,
    };
    release(name, version, file, tells)
}

fn release(name: &str, version: Version, file: String, tells: Tells) -> Release {
    Release {
        name: name.to_owned(),
        version,
        file,
        tells,
    }
}

/// Three numbers, of which the last may be missing, and what follows them.
fn numbers(name: &str) -> Option<(Version, &str)> {
    let (major, rest) = number(name)?;
    let (minor, rest) = number(rest.strip_prefix('.')?)?;
    let (patch, rest) = match rest.strip_prefix('.').and_then(number) {
        Some(patch) => patch,
        None => (0, rest),
    };
    let version = (u8::try_from(major).ok()?, u8::try_from(minor).ok()?, patch);
    Some((version, rest))
}

fn number(text: &str) -> Option<(u16, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_machines_write_them() {
        let proc_version = "Linux version 6.18.44-custom (me@host) (gcc (GCC) 15.3.0) #1 SMP @0\n";
        assert_eq!(running(proc_version), Some("6.18.44-custom"));
        assert_eq!(running("6.12.117+deb12-amd64\n"), Some("6.12.117+deb12-amd64"));
        assert_eq!(
            running("Linux host 6.8.0-45-generic #45-Ubuntu SMP"),
            Some("6.8.0-45-generic")
        );
        for wrong in [
            "",
            "\n",
            "Linux",
            "Linux version",
            "hello",
            "6",
            "v6.1",
            "6.12 or so",
            "999.1.1",
        ] {
            assert_eq!(running(wrong), None, "{wrong}");
        }
        let bookworm = "Linux version 6.1.0-43-amd64 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP \
                        PREEMPT_DYNAMIC Debian 6.1.192-1 (2026-01-01)";
        assert_eq!(debian(bookworm), Some("6.1.192"));
        assert_eq!(debian("Linux version 6.1.0 Debian GNU/Linux"), None);
        assert_eq!(numbers("6.12.117-rt5"), Some(((6, 12, 117), "-rt5")));
        assert_eq!(numbers("6.18-rc1"), Some(((6, 18, 0), "-rc1")));
        assert_eq!(numbers("5.15.153.1"), Some(((5, 15, 153), ".1")));
        assert_eq!(numbers("6.12.99999"), Some(((6, 12, 0), ".99999")));
        assert_eq!(without_ending("6.1.0-43-amd64.gz"), "6.1.0-43-amd64");
    }

    #[test]
    fn a_release_tells_whose_changes_are_in_it() {
        let file = || "config".to_owned();
        let tells = |release: Option<Release>| release.unwrap().tells;
        assert_eq!(tells(source("6.12.117", file())), Tells::Upstream);
        assert_eq!(tells(source("6.12.117-rt5", file())), Tells::Other);
        assert_eq!(tells(source("6.12.0-45", file())), Tells::Other);
        for (name, expected) in [
            ("6.12.117", Tells::Upstream),
            ("6.18.0", Tells::Upstream),
            ("6.12.117+deb12-amd64", Tells::Debian),
            ("6.1.0-43-amd64", Tells::Number),
            ("6.12.0-55.el10.x86_64", Tells::Number),
            ("6.18.0-rc1", Tells::Other),
            ("6.12.117+", Tells::Other),
            ("6.12.117-45-generic", Tells::Other),
            ("6.12.117-custom", Tells::Other),
        ] {
            assert_eq!(tells(numbered(name, file())), expected, "{name}");
        }
        let stated = |name| stated(name, (6, 12, 117), file()).tells;
        assert_eq!(stated("6.12.117-deb12-amd64"), Tells::Debian);
        assert_eq!(stated("6.12.117"), Tells::Upstream);
        for other in ["6.12.116-deb12-amd64", "6.12.117-custom", "our-kernel"] {
            assert_eq!(stated(other), Tells::Other, "{other}");
        }
    }

    #[test]
    fn each_statement_may_say_that_it_is_another_kernel() {
        let file = || "version".to_owned();
        let head = || source("6.1.192", file()).unwrap();
        let other = |more: &[Option<Release>]| {
            let all = std::iter::once(head()).chain(more.iter().flatten().cloned());
            let said = Statements(all.collect());
            assert_eq!(said.known(), Some("6.1.192-deb12-amd64"));
            said.other().map(|release| release.name.clone())
        };
        let number = || numbered("6.1.0-43-amd64", file());
        assert_eq!(other(&[]), None);
        assert_eq!(other(&[numbered("6.1.192", file())]), None);
        // Others than Debian number their kernels so, too.
        assert_eq!(other(&[number()]).as_deref(), Some("6.1.0-43-amd64"));
        assert_eq!(other(&[debian_source("6.1.192", file()), number()]), None);
        assert_eq!(
            other(&[
                debian_source("6.1.192", file()),
                numbered("6.1.192-custom", file())
            ])
            .as_deref(),
            Some("6.1.192-custom")
        );
    }

    #[test]
    fn files_of_two_kernels_contradict_one_another() {
        let release =
            |make: fn(&str, String) -> Option<Release>, name: &str| make(name, String::new()).unwrap();
        let head = release(source, "6.1.192");
        for agrees in ["6.1.192-custom", "6.1.0-43-amd64", "6.1.192"] {
            assert!(
                contradiction(&[head.clone(), release(numbered, agrees)]).is_none(),
                "{agrees}"
            );
        }
        for other in ["6.1.191", "6.2.0-1", "6.12.192"] {
            assert!(
                contradiction(&[head.clone(), release(numbered, other)]).is_some(),
                "{other}"
            );
        }
        assert!(contradiction(&[]).is_none());
    }
}
