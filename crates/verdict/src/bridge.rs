//! The loader's view of bpf(2), answered by the kernel's side.

use std::sync::{Arc, PoisonError, RwLock};

use verdict_btf::Btf;
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Broken;
use verdict_loader::{Bpf, Made};
use verdict_syscall::Session;
use verdict_syscall::btf::ProgBtf;
use verdict_syscall::session::State;

/// What an object's kernel has taken of it: all its programs are loaded with the same.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The BTF of the object and of its maps.
    btfs: RwLock<Vec<Arc<ProgBtf>>>,
    /// All that is loaded before programs are, and what the loader knows of it.
    made: RwLock<Option<(Arc<Made>, State)>>,
}

/// How many are kept. Those of maps come first; programs may have some of their own each.
const MOST_TAKEN: usize = 64;

impl Taken {
    fn get(&self, btf: &Arc<Btf>) -> Option<Arc<ProgBtf>> {
        let taken = self.btfs.read().unwrap_or_else(PoisonError::into_inner);
        taken.iter().find(|taken| Arc::ptr_eq(&taken.btf, btf)).cloned()
    }

    fn add(&self, loaded: &Arc<ProgBtf>) {
        let mut taken = self.btfs.write().unwrap_or_else(PoisonError::into_inner);
        if taken.len() < MOST_TAKEN {
            taken.push(Arc::clone(loaded));
        }
    }
}

/// A session that the loader can talk to.
#[derive(Debug)]
pub struct Bridge<'k>(pub(crate) Session<'k>, pub(crate) Option<&'k Taken>);

impl<'k> Bridge<'k> {
    /// One with nothing loaded, which keeps nothing for others.
    pub fn new(session: Session<'k>) -> Bridge<'k> {
        Bridge(session, None)
    }

    /// The session.
    pub fn session(&mut self) -> &mut Session<'k> {
        &mut self.0
    }
}

impl Bpf for Bridge<'_> {
    fn btf_load(&mut self, btf: &Arc<Btf>) -> Result<(), (Broken, String)> {
        if let Some(taken) = self.1.and_then(|taken| taken.get(btf)) {
            self.0.add_btf(taken);
            return Ok(());
        }
        let refused = self.0.btf_load(btf);
        refused.map_err(|rejection| (rejection.rule.with(rejection.errno), rejection.text))?;
        if let (Some(taken), Some(loaded)) = (self.1, self.0.btf(btf)) {
            taken.add(loaded);
        }
        Ok(())
    }

    fn map_create(&mut self, attr: &MapCreate) -> Result<MapId, Broken> {
        self.0.map_create(attr)
    }

    fn map_close(&mut self, map: MapId) {
        self.0.map_close(map);
    }

    fn map_update(&mut self, map: MapId, key: &[u8], value: MapValue) -> Result<(), Errno> {
        self.0.map_update(map, key, &value)
    }

    fn map_freeze(&mut self, map: MapId) -> Result<(), Errno> {
        self.0.map_freeze(map)
    }

    fn recall(&mut self, changes: u64) -> Option<Arc<Made>> {
        let made = self.1?.made.read().unwrap_or_else(PoisonError::into_inner);
        let (made, state) = made.as_ref().filter(|(made, _)| made.changes == changes)?;
        self.0.resume(state);
        Some(Arc::clone(made))
    }

    fn keep(&mut self, made: Made) {
        if let Some(taken) = self.1 {
            let kept = Some((Arc::new(made), self.0.state()));
            *taken.made.write().unwrap_or_else(PoisonError::into_inner) = kept;
        }
    }
}
