//! Plans in files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::{env, fs};

use verdict_loader::PlanError;

use super::{FILE, Names, Plans};
use crate::error::TOO_DEEP;
use crate::{OpenObject, PlanFileError, shown_path};

impl Plans {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn read(path: &Path) -> Result<Plans, PlanFileError> {
        let shown = &shown_path(path);
        let text = fs::read_to_string(path).map_err(|e| PlanFileError::from(e).of(shown))?;
        let mut plans = Plans::parse(&text).map_err(|e| e.of(shown))?;
        let dir = path.parent().unwrap_or(Path::new(""));
        for entry in &mut plans.entries {
            dir.clone_into(&mut entry.dir);
        }
        Ok(plans)
    }
}

/// Where plans are found: in one file, or for each object in the nearest `verdict.toml` upwards from it.
#[derive(Debug, Default)]
pub struct PlanSource {
    file: Option<Arc<Plans>>,
    /// What options say beside the files.
    options: Plans,
    /// What was found for a directory.
    found: Mutex<HashMap<PathBuf, Result<Arc<Plans>, PlanFileError>>>,
}

impl PlanSource {
    /// The plans of this file for all objects.
    ///
    /// # Errors
    /// As [`Plans::read`].
    pub fn file(path: &Path) -> Result<PlanSource, PlanFileError> {
        Ok(PlanSource {
            file: Some(Arc::new(Plans::read(path)?)),
            ..PlanSource::default()
        })
    }

    /// The same with what options say.
    pub fn with(self, options: Plans) -> PlanSource {
        PlanSource { options, ..self }
    }

    /// The plans for an object.
    ///
    /// # Errors
    /// As [`Plans::read`].
    pub fn of(&self, object: &Path) -> Result<Arc<Plans>, PlanFileError> {
        let plans = self.of_file(object)?;
        if self.options.is_empty() {
            return Ok(plans);
        }
        let entries = plans
            .entries
            .iter()
            .chain(&self.options.entries)
            .cloned()
            .collect();
        Ok(Arc::new(Plans { entries }))
    }

    fn of_file(&self, object: &Path) -> Result<Arc<Plans>, PlanFileError> {
        if let Some(plans) = &self.file {
            return Ok(Arc::clone(plans));
        }
        let path = env::current_dir()
            .map(|dir| dir.join(object))
            .unwrap_or_else(|_| object.to_owned());
        let dir = path.parent().unwrap_or(Path::new("/")).to_owned();
        let mut found = self
            .found
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let plans = found
            .entry(dir)
            .or_insert_with_key(|dir| search(dir).map(Arc::new));
        plans.clone()
    }
}

fn search(dir: &Path) -> Result<Plans, PlanFileError> {
    let file = dir
        .ancestors()
        .map(|dir| dir.join(FILE))
        .find(|file| file.is_file());
    file.map_or(Ok(Plans::default()), |file| Plans::read(&file))
}

impl OpenObject<'_> {
    /// Has a program attach to the first of these that is loaded.
    pub(super) fn attach_planned(
        &mut self,
        name: &str,
        (places, dir): (&Names, &Path),
        depth: u32,
    ) -> Result<(), PlanError> {
        let index = self.object.number_of(name)?;
        let mut failed = None;
        for place in places.iter() {
            match self.verifier.load_target_within((dir, place), depth + 1) {
                Ok(target) => {
                    let attached = self.attach_at(index, &target);
                    return attached.map_err(|e| PlanError::new(format!("program '{name}': {place}: {e}")));
                }
                // No other one is tried then, which would take as long at every level.
                Err(error) if error.to_string().contains(TOO_DEEP) => {
                    failed = Some(TOO_DEEP.to_owned());
                    break;
                }
                Err(error) => failed = failed.or(Some(error.to_string())),
            }
        }
        match failed {
            Some(error) => Err(PlanError::new(format!("program '{name}': attach-to: {error}"))),
            None => Ok(()),
        }
    }
}
