//! Programs that others attach to.

#[cfg(feature = "std-io")]
use std::path::Path;
use std::sync::Arc;

use verdict_engine::load;
use verdict_engine::observer::Silent;
use verdict_kernel::Kernel;
use verdict_kernel::attr::ProgId;
use verdict_loader::{AttachTarget, OpenError};
use verdict_syscall::{LoadedProg, Session};

use crate::ProgramId;
use crate::answer::End;
use crate::listen::NotLoaded;
use crate::verifier::{OpenObject, Verifier};
#[cfg(feature = "std-io")]
use crate::{NoTarget, TargetError, object_name, only_object_in, read_object, shown_path};

/// A loaded program that others attach to: extensions that replace a function of it, tracing programs that run
/// before or after one.
#[derive(Clone, Debug)]
pub struct Target {
    program: Arc<LoadedProg>,
    function: Option<String>,
}

impl Target {
    /// Has programs attach to this function of the target, whatever their section's name says.
    #[cfg(feature = "std-io")]
    #[must_use]
    pub(crate) fn with_function(self, name: &str) -> Target {
        let function = Some(name.to_owned());
        Target { function, ..self }
    }
}

impl OpenObject<'_> {
    /// Has a program attach to another: to the function that the target names, or else to the one that the program's
    /// section names. The kernel says what it thinks of that when the program is loaded.
    ///
    /// # Errors
    /// When the target has no function of the name, in libbpf's words.
    pub fn attach(&mut self, program: ProgramId, target: &Target) -> Result<(), OpenError> {
        self.attach_at(program.index(), target)
    }

    pub(crate) fn attach_at(&mut self, index: usize, target: &Target) -> Result<(), OpenError> {
        let prog = ProgId(u32::try_from(self.targets.len()).unwrap_or(u32::MAX));
        let btf = target.program.btf().cloned();
        self.targets.push(Arc::clone(&target.program));
        let (target, function) = (AttachTarget { prog, btf }, target.function.as_deref());
        self.object.set_attach_target(index, &target, function)
    }

    /// Has those programs attach to another that may.
    pub(crate) fn attach_all(&mut self, target: &Target) -> Result<(), OpenError> {
        for index in 0..self.object.program_count() {
            if self.object.may_attach_to_program(index) {
                self.attach_at(index, target)?;
            }
        }
        Ok(())
    }

    /// What was loaded before the object.
    pub(crate) fn session<'k>(&self, kernel: &'k Kernel) -> Session<'k> {
        let mut session = Session::new(kernel);
        for target in &self.targets {
            session.add_program(Arc::clone(target));
        }
        session
    }

    /// Loads a program for others to attach to.
    ///
    /// # Errors
    /// When it is not loaded.
    pub(crate) fn load_target(&self, index: usize) -> Result<Target, NotLoaded> {
        let mut program = None;
        let loaded = self.load(index, &mut |kernel, prog| {
            let (outcome, loaded) = load(kernel, prog, &mut Silent);
            program = loaded;
            outcome
        });
        match (loaded.end, program) {
            (End::Accepted, Some(program)) => Ok(Target {
                program: Arc::new(program),
                function: None,
            }),
            (End::Accepted, None) => Err(NotLoaded::Unsupported("a target that libbpf leaves out".into())),
            (end, _) => Err(Result::from(end)
                .err()
                .unwrap_or(NotLoaded::Unsupported(String::new()))),
        }
    }
}

/// How many programs may attach to one another in a chain.
#[cfg(feature = "std-io")]
const MAX_DEPTH: u32 = 32;

impl Verifier {
    /// The same for programs that attach to a program: all extensions, and all tracing programs that run before or
    /// after a function, of objects opened from now on.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Verifier {
        self.target = Some(target);
        self
    }
}

#[cfg(feature = "std-io")]
impl Verifier {
    /// The same for programs that attach to the program at `place`, as [`Verifier::load_target`] finds it.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be loaded.
    pub fn attached_to(self, place: &str) -> Result<Verifier, TargetError> {
        // Of no program can be said whether it is loaded, and so of no target.
        if self.kernel.unknown_rules().is_some() {
            return Ok(self);
        }
        let target = self.load_target(place)?;
        Ok(self.with_target(target))
    }

    /// Loads the program at `place` for others to attach to: `OBJECT:PROGRAM`, or `OBJECT:PROGRAM/FUNCTION` for
    /// another function of it than the one that their sections name.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be loaded.
    pub fn load_target(&self, place: &str) -> Result<Target, TargetError> {
        self.load_target_within((Path::new(""), place), 0)
    }

    /// The same for a place that is seen from a directory, where so many others wait for it that attach to one another.
    pub(crate) fn load_target_within(
        &self,
        (dir, place): (&Path, &str),
        depth: u32,
    ) -> Result<Target, TargetError> {
        self.find_target((dir, place), depth)
            .map_err(|why| TargetError::new(&shown_path(&dir.join(place)), why))
    }

    fn find_target(&self, (dir, place): (&Path, &str), depth: u32) -> Result<Target, NoTarget> {
        if depth > MAX_DEPTH {
            return Err(NoTarget::TooDeep);
        }
        let (path, program) = place.rsplit_once(':').ok_or(NoTarget::NoPlace)?;
        let (program, function) = match program.split_once('/') {
            Some((program, function)) => (program, Some(function)),
            None => (program, None),
        };
        let path = only_object_in(&dir.join(path)).map_err(NoTarget::Input)?;
        let path = path.as_path();
        let bytes = read_object(path).map_err(NoTarget::Input)?;
        let mut object = self
            .open(&object_name(path, &bytes), &bytes)
            .map_err(NoTarget::Open)?;
        object.call(&shown_path(Path::new(path.file_name().unwrap_or_default())));
        if let Some(plans) = self.plans_of(path).map_err(NoTarget::PlanFile)? {
            let applied = object.apply_within(&plans, (Some(program), depth));
            applied.map_err(|error| NoTarget::Plan(path.to_owned(), error))?;
        }
        let Some(program) = object.program(program) else {
            let known = object.programs().map(|program| program.name().to_owned());
            return Err(NoTarget::NoProgram(known.collect()));
        };
        let target = program.load_target().map_err(NoTarget::NotLoaded)?;
        Ok(match function {
            Some(function) => target.with_function(function),
            None => target,
        })
    }
}
