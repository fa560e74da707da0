//! Which kernel is asked.

use std::path::PathBuf;

use verdict_kernel::{Capabilities, Kernel};

/// A kernel by name or directory, with switches set, and the machine it runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelChoice {
    /// Name or alias of a known profile; the default one when absent.
    pub name: Option<String>,
    /// Directory with the BTF, configuration and symbols of another kernel, which follows the named profile; if none is
    /// named, its own `semantics.toml`, or the profile of its own release.
    pub dir: Option<PathBuf>,
    /// Semantic switches, each `switch=value`, several separated by commas.
    pub switches: Vec<String>,
    /// Possible CPUs of the machine; those of the profile when absent.
    pub cpus: Option<u32>,
    /// Load without capabilities.
    pub unprivileged: bool,
}

/// The profile that is asked unless another one is named.
const DEFAULT: &str = "6.12";

impl KernelChoice {
    /// Opens the profile.
    ///
    /// # Errors
    /// Says what there is instead: known kernels, what a directory must hold, switches and their values.
    pub fn open(&self) -> Result<Kernel, String> {
        let mut kernel = match &self.dir {
            Some(dir) => Kernel::from_dir(dir, self.name.as_deref()),
            None => Kernel::open(self.name.as_deref().unwrap_or(DEFAULT)),
        }
        .map_err(|e| e.to_string())?;
        for setting in self
            .switches
            .iter()
            .flat_map(|s| s.split(','))
            .filter(|s| !s.is_empty())
        {
            let (switch, value) = setting
                .split_once('=')
                .ok_or_else(|| format!("'{setting}': expected switch=value"))?;
            kernel = kernel.with_switch(switch, value).map_err(|e| e.to_string())?;
        }
        if let Some(cpus) = self.cpus {
            kernel.machine.nr_cpus = cpus;
        }
        if self.unprivileged {
            kernel.machine.capabilities = Capabilities::NONE;
        }
        Ok(kernel)
    }
}
