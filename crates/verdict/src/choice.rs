//! Which kernel is asked.

use std::collections::BTreeSet;
#[cfg(feature = "std-io")]
use std::path::PathBuf;

use verdict_kernel::{Capabilities, KNOWN, Kernel, KernelError};

use crate::ChoiceError;

/// A kernel by name or directory, with switches set, and the machine it runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelChoice {
    /// Name or alias of a known profile; the default one when absent.
    pub name: Option<String>,
    /// Directory with the BTF, configuration and symbols of another kernel ([`Kernel::from_dir`]).
    #[cfg(feature = "std-io")]
    pub dir: Option<PathBuf>,
    /// Directory with a capture of the running kernel, which [`KernelChoice::each`] takes for `host`, and the known profile whose
    /// rules are assumed for it where it could not be asked.
    #[cfg(feature = "std-io")]
    pub host: Option<(PathBuf, Option<String>)>,
    /// The known profile whose rules are assumed where those of the directory's kernel are not known; `name` says the same.
    pub assume: Option<String>,
    /// Semantic switches, each `switch=value`, several separated by commas.
    pub switches: Vec<String>,
    /// Possible CPUs of the machine; those of the profile when absent.
    pub cpus: Option<u32>,
    /// Bytes that the loading user may lock in memory; `None` is no limit.
    pub memlock: Option<u64>,
    /// Load without capabilities.
    pub unprivileged: bool,
}

/// The profile that is asked unless another one is named.
const DEFAULT: &str = "6.12";

/// What names the running kernel in a list.
const HOST: &str = "host";

/// What names all known kernels in a list.
const ALL: &str = "all";

impl KernelChoice {
    /// This choice for each kernel of the lists, which have names separated by commas, `all` for the known ones, `host` for the
    /// running one ([`KernelChoice::host`]); those that are named twice count once. Without names it is the choice itself.
    ///
    /// # Errors
    /// When there is no such kernel, or a directory is given, which is one kernel, or nothing is known of the running one.
    pub fn each(&self, lists: &[impl AsRef<str>]) -> Result<Vec<KernelChoice>, ChoiceError> {
        let mut names: Vec<&str> = Vec::new();
        let listed = lists.iter().flat_map(|list| list.as_ref().split(','));
        for name in listed.map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                ALL => {
                    let mut all: Vec<_> = KNOWN.iter().collect();
                    all.sort_by_key(|known| known.version);
                    names.extend(all.iter().map(|known| known.name));
                }
                HOST => names.push(HOST),
                name => names.push(known(name)?),
            }
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        let named = |name: &&str| match *name {
            HOST => self.of_host(),
            name => Ok(KernelChoice {
                name: Some(name.to_owned()),
                ..self.clone()
            }),
        };
        match names.as_slice() {
            [] => Ok(vec![self.clone()]),
            [_, _, ..] | [HOST] if self.has_dir() => Err(ChoiceError::SeveralForDirectory),
            names => names.iter().map(named).collect(),
        }
    }

    /// This choice for each kernel of the lists, or else for all known ones, and for that of the directory, which follows
    /// its own rules.
    ///
    /// # Errors
    /// When there is no such kernel.
    pub fn with_known(&self, lists: &[impl AsRef<str>]) -> Result<Vec<KernelChoice>, ChoiceError> {
        let known = self.without_dir();
        let mut choices = if lists.is_empty() {
            known.each(&[ALL])?
        } else {
            known.each(lists)?
        };
        if self.has_dir() {
            choices.push(KernelChoice {
                name: None,
                ..self.clone()
            });
        }
        Ok(choices)
    }

    /// Opens the profile.
    ///
    /// # Errors
    /// Says what there is instead: known kernels, what a directory must hold, switches and their values.
    pub fn open(&self) -> Result<Kernel, ChoiceError> {
        let mut kernel = self.base()?;
        let listed = self.switches.iter().flat_map(|list| list.split(','));
        let settings: Vec<_> = listed
            .filter(|setting| !setting.is_empty())
            .map(|setting| setting.split_once('=').ok_or(setting))
            .collect::<Result<_, _>>()
            .map_err(|setting| ChoiceError::NoSetting(setting.to_owned()))?;
        // At once, as some presuppose others.
        kernel = kernel.with_switches(settings.iter().copied())?;
        if let Some(cpus) = self.cpus {
            kernel.machine.nr_cpus = cpus;
        }
        if self.memlock.is_some() {
            kernel.machine.memlock = self.memlock;
        }
        if self.unprivileged {
            kernel.machine.capabilities = Capabilities::NONE;
        }
        Ok(kernel)
    }

    /// The kernel before anything of it is set.
    fn base(&self) -> Result<Kernel, ChoiceError> {
        #[cfg(feature = "std-io")]
        if let Some(dir) = &self.dir {
            let assumed = match (self.name.as_deref(), self.assume.as_deref()) {
                (Some(name), Some(assumed)) if known(name)? != known(assumed)? => {
                    return Err(ChoiceError::TwoAssumed(name.to_owned(), assumed.to_owned()));
                }
                (name, assumed) => assumed.or(name),
            };
            return Ok(Kernel::from_dir(dir, assumed)?);
        }
        match &self.assume {
            Some(assumed) => Err(ChoiceError::NothingToAssume(assumed.clone())),
            None => Ok(Kernel::open(self.name.as_deref().unwrap_or(DEFAULT))?),
        }
    }

    /// This choice for the running kernel.
    fn of_host(&self) -> Result<KernelChoice, ChoiceError> {
        #[cfg(feature = "std-io")]
        if let Some((dir, assume)) = &self.host {
            return Ok(KernelChoice {
                name: None,
                dir: Some(dir.clone()),
                assume: assume.clone().or_else(|| self.assume.clone()),
                ..self.clone()
            });
        }
        Err(ChoiceError::NoHost)
    }

    fn has_dir(&self) -> bool {
        #[cfg(feature = "std-io")]
        return self.dir.is_some();
        #[cfg(not(feature = "std-io"))]
        return false;
    }

    fn without_dir(&self) -> KernelChoice {
        KernelChoice {
            #[cfg(feature = "std-io")]
            dir: None,
            assume: None,
            ..self.clone()
        }
    }
}

/// The full name of a known kernel.
fn known(name: &str) -> Result<&'static str, ChoiceError> {
    KNOWN
        .iter()
        .find(|known| known.name == name || known.aliases.contains(&name))
        .map(|known| known.name)
        .ok_or_else(|| KernelError::Unknown(name.to_owned()).into())
}
