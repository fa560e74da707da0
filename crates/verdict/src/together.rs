//! Programs that are loaded with others, whichever of them is asked for: libbpf loads all programs of the struct_ops maps that
//! it creates. What comes of the others is found out once for all of them.

use std::sync::{Arc, Mutex, PoisonError};

use verdict_engine::observer::Silent;
use verdict_engine::verify;
use verdict_kernel::Kernel;
use verdict_loader::Prepared;
use verdict_syscall::session::State;

use crate::OpenObject;
use crate::answer::End;
use crate::unsure::unsure_fact;
use crate::verifier::{Ask, Loaded, Request, Step, load_one};

/// What is known of an object's programs, for as long as nothing of it is changed: `None` where they cannot be made ready.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Option<(u64, Option<Arc<Together>>)>>);

/// Programs that were made ready together.
#[derive(Debug)]
struct Together {
    prepared: Arc<Prepared>,
    /// What is loaded before they are.
    state: State,
    unsupported: Option<String>,
    /// The first of them that the kernel refuses where another one is asked for, and the one after it: by place, with how that ends.
    /// More than two need not be known, as no more than one is asked for.
    refused: Vec<(usize, End)>,
    /// How it ends when all of them are loaded.
    finished: End,
}

impl Together {
    /// Makes the programs ready that are loaded with this one.
    fn of(object: &OpenObject<'_>, index: usize, kernel: &Kernel) -> Option<Together> {
        let mut bpf = object.bridge(kernel);
        let prepared = object.object.prepare(index, &mut bpf).ok()?;
        if prepared.is_stopped() {
            return None;
        }
        let state = bpf.0.state();
        let unsure = || prepared.loads.iter().find_map(|load| unsure_fact(kernel, load));
        let unsupported = prepared.unsupported.map(ToOwned::to_owned).or_else(unsure);
        let mut refused = Vec::new();
        for at in 0..prepared.loads.len() {
            if unsupported.is_some() || refused.len() > 1 {
                break;
            }
            let step = Step {
                kernel,
                at,
                asked_for: false,
                flags: 0,
                options: object.verifier.options,
            };
            let mut silent = |kernel: &Kernel, prog: &_| verify(kernel, prog, &mut Silent);
            let end = load_one(&mut bpf.0, &prepared, step, &mut silent, &mut None);
            if !matches!(end, End::Accepted) {
                refused.push((at, end));
            }
        }
        let finished = object.finish(&prepared, &mut bpf);
        Some(Together {
            prepared: Arc::new(prepared),
            state,
            unsupported,
            refused,
            finished,
        })
    }
}

impl OpenObject<'_> {
    /// Loads a program that is loaded with others; `None` where it has to be done step by step.
    pub(crate) fn load_together(&self, index: usize, request: Request<'_>, ask: Ask<'_>) -> Option<Loaded> {
        let kernel = &self.verifier.kernel;
        // Locked memory is charged for each program.
        let as_usual = request.also.is_empty() && request.rules.is_none() && kernel.memlock().is_none();
        let together = as_usual.then(|| self.known_together(index, kernel)).flatten()?;
        let (target, facts) = self.object.among(&together.prepared, index);
        let mut loaded = Loaded::new(End::Accepted, facts);
        loaded.target = target;
        if let Some(what) = &together.unsupported {
            loaded.end = End::Unsupported(what.clone());
            return Some(loaded);
        }
        // Those before it are loaded first, then it, then those after it.
        let place = target.unwrap_or(usize::MAX);
        let mut refused = together.refused.iter().filter(|(at, _)| *at != place).peekable();
        let mut ended = refused.next_if(|(at, _)| *at < place).cloned();
        if ended.is_none() && target.is_some() {
            let mut bpf = self.bridge(kernel);
            bpf.0.resume(&together.state);
            let end = self.load_asked_for(
                &mut bpf.0,
                &together.prepared,
                (kernel, place, request),
                ask,
                &mut loaded.outcome,
            );
            ended = Some((place, end)).filter(|(_, end)| !matches!(end, End::Accepted));
        }
        match ended.or_else(|| refused.next().cloned()) {
            Some((at, end)) => {
                loaded.end = end;
                loaded.refused = Some((Arc::clone(&together.prepared), at));
            }
            None => loaded.end = together.finished.clone(),
        }
        Some(loaded)
    }

    fn known_together(&self, index: usize, kernel: &Kernel) -> Option<Arc<Together>> {
        if !self.object.has_companions(index) {
            return None;
        }
        let changes = self.object.changes();
        let mut known = self.together.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((at, together)) if *at == changes => together.clone(),
            _ => {
                let together = Together::of(self, index, kernel).map(Arc::new);
                *known = Some((changes, together.clone()));
                together
            }
        }
    }
}
