//! What one process has loaded: the BTF objects and maps of an object that is being loaded.

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_kernel::attr::{MapCreate, MapId, MapValue, ProgId, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::ProgType;
use verdict_kernel::rule::{Broken, Rule};
use verdict_kernel::semantics::control::BpfMemory;
use verdict_kernel::{Capabilities, Kernel};

use crate::btf::ProgBtf;
use crate::map::owner::Callers;
use crate::map::{Map, create_by};
use crate::memory::{Pages, Process, program_pages};
use crate::notes::Rejection;
use crate::prog::{LoadError, Prog, TargetFd};
use crate::struct_ops;
use crate::target::LoadedProg;
use crate::usage::usage;

/// The kernel's side of loading one object: bpf(2) with indices for descriptors.
#[derive(Clone, Debug)]
pub struct Session<'k> {
    kernel: &'k Kernel,
    state: State,
}

/// What is loaded, to be come back to by sessions for the same kernel. Copies share what is large.
#[derive(Clone, Debug)]
pub struct State {
    btfs: Vec<Arc<ProgBtf>>,
    maps: Arc<Vec<Arc<Map>>>,
    /// The maps as programs are given them, as long as they stay the same.
    listed: Option<Arc<[Arc<Map>]>>,
    programs: Vec<Arc<LoadedProg>>,
    process: Process,
    /// What each map is charged.
    pages: Arc<Vec<Pages>>,
    /// What is known of programs that call others by maps.
    callers: Callers,
    /// An update whose checks are not modelled.
    unmodelled: Option<&'static str>,
    /// Numbers of maps that are forgotten.
    free: Vec<MapId>,
}

impl State {
    /// The maps, to be changed.
    fn maps_mut(&mut self) -> &mut Vec<Arc<Map>> {
        self.listed = None;
        Arc::make_mut(&mut self.maps)
    }

    /// The maps as programs are given them.
    fn listed(&mut self) -> Arc<[Arc<Map>]> {
        let listed = self.listed.get_or_insert_with(|| self.maps.as_slice().into());
        Arc::clone(listed)
    }
}

impl<'k> Session<'k> {
    /// What comes next is asked for by a process that may do this.
    pub fn act_with(&mut self, capabilities: Capabilities) {
        self.state.process.capabilities = capabilities;
    }

    /// Nothing loaded yet.
    pub fn new(kernel: &'k Kernel) -> Self {
        Self {
            kernel,
            state: State {
                btfs: Vec::new(),
                maps: Arc::default(),
                listed: None,
                programs: Vec::new(),
                process: Process::new(kernel),
                pages: Arc::default(),
                callers: Callers::default(),
                unmodelled: None,
                free: Vec::new(),
            },
        }
    }

    /// What is loaded now.
    pub fn state(&mut self) -> State {
        self.state.listed();
        self.state.clone()
    }

    /// Comes back to what was loaded.
    pub fn resume(&mut self, state: &State) {
        self.state = state.clone();
    }

    /// What happens to a program once it is verified: it has to fit the others that call, or are called by, maps that it
    /// uses (`bpf_check_tail_call`). Maps are filled with it by its name in the object.
    ///
    /// # Errors
    /// `EINVAL` when it does not fit; or that it is not known.
    pub fn keep(&mut self, name: &str, prog: &Prog) -> Result<(), LoadError> {
        self.state.callers.keep(self.kernel, name, prog)
    }

    /// An update that was admitted, and that the kernel may refuse for a reason that is not modelled.
    pub fn unmodelled(&self) -> Option<&'static str> {
        self.state.unmodelled
    }

    /// The same of what was updated since it was last asked for.
    pub fn take_unmodelled(&mut self) -> Option<&'static str> {
        self.state.unmodelled.take()
    }

    /// Takes a program that is loaded already; others can attach to it.
    pub fn add_program(&mut self, program: Arc<LoadedProg>) -> ProgId {
        self.state.programs.push(program);
        ProgId(u32::try_from(self.state.programs.len() - 1).unwrap_or(u32::MAX))
    }

    /// The kernel that it is for.
    pub fn kernel(&self) -> &'k Kernel {
        self.kernel
    }

    /// The maps by [`MapId`].
    pub fn maps(&self) -> &[Arc<Map>] {
        &self.state.maps
    }

    /// What the kernel made of a BTF object, if it is loaded.
    pub fn btf(&self, btf: &Arc<Btf>) -> Option<&Arc<ProgBtf>> {
        self.state
            .btfs
            .iter()
            .find(|loaded| Arc::ptr_eq(&loaded.btf, btf))
    }

    /// `BPF_BTF_LOAD`. Loading the same object again is free.
    ///
    /// # Errors
    /// Errno and log of a refusal.
    pub fn btf_load(&mut self, btf: &Arc<Btf>) -> Result<(), Rejection> {
        if self.btf(btf).is_none() {
            self.state.btfs.push(Arc::new(ProgBtf::load(self.kernel, btf)?));
        }
        Ok(())
    }

    /// How many BTF objects there are.
    pub fn btf_count(&self) -> usize {
        self.state.btfs.len()
    }

    /// Closes the descriptors of all BTF objects but so many first ones; what was made with them keeps them.
    pub fn close_btfs(&mut self, but: usize) {
        self.state.btfs.truncate(but);
    }

    /// Has a BTF that was loaded before, into the same kernel.
    pub fn add_btf(&mut self, btf: Arc<ProgBtf>) {
        if self.btf(&btf.btf).is_none() {
            self.state.btfs.push(btf);
        }
    }

    /// `BPF_MAP_CREATE`.
    ///
    /// # Errors
    /// See [`map_create`](crate::map::map_create).
    pub fn map_create(&mut self, attr: &MapCreate) -> Result<MapId, Broken> {
        let id = u32::try_from(self.state.maps.len()).map_err(|_| Rule::MapAttributes.with(Errno::EMFILE))?;
        let btf = attr.btf.as_ref();
        let btf = btf.and_then(|btf| {
            self.state
                .btfs
                .iter()
                .find(|loaded| Arc::ptr_eq(&loaded.btf, btf))
        });
        let inner = attr
            .inner_map
            .and_then(|inner| self.state.maps.get(usize::try_from(inner.0).ok()?));
        let inner = inner.map(Arc::as_ref);
        let (map, pages) = create_by(&mut self.state.process, self.kernel, attr, btf, inner)?;
        let map = Arc::new(map);
        if let Some(free) = self.state.free.pop() {
            let at = free.0 as usize;
            let charged = Arc::make_mut(&mut self.state.pages).get_mut(at);
            if let (Some(charged), Some(slot)) = (charged, Arc::make_mut(&mut self.state.maps).get_mut(at)) {
                self.state.listed = None;
                (*slot, *charged) = (map, pages);
                return Ok(free);
            }
        }
        self.state.maps_mut().push(map);
        Arc::make_mut(&mut self.state.pages).push(pages);
        Ok(MapId(id))
    }

    /// Closes the descriptor of a map that nothing else refers to.
    pub fn map_close(&mut self, id: MapId) {
        let all = Arc::make_mut(&mut self.state.pages);
        let pages = usize::try_from(id.0).ok().and_then(|at| all.get_mut(at));
        if let Some(pages) = pages {
            self.state.process.memory.give_back(std::mem::take(pages));
        }
    }

    /// Forgets a map that nobody refers to any more; its number is given out again.
    pub fn map_free(&mut self, id: MapId) {
        self.map_close(id);
        self.state.callers.forget_map(id);
        self.state.free.push(id);
    }

    /// How many bytes the kernel says that a program takes, as it was handed over. What is added to it while it is rewritten,
    /// which large programs show, is not known.
    pub fn program_usage(&self, prog: &Prog) -> u64 {
        let pages = program_pages(self.kernel, prog.insns.len() as u64);
        pages.saturating_mul(self.kernel.machine.page_size.into())
    }

    /// Bytes that the kernel says that a map with so many elements takes.
    pub fn map_usage(&self, id: MapId, elements: u64) -> u64 {
        let at = usize::try_from(id.0).unwrap_or(usize::MAX);
        if self.kernel.semantics.control.bpf_memory != BpfMemory::Memcg {
            let pages = self.state.pages.get(at).map_or(0, |pages| pages.0);
            return pages.saturating_mul(self.kernel.machine.page_size.into());
        }
        let map = self.state.maps.get(at);
        map.map_or(0, |map| usage(self.kernel, map, elements))
    }

    /// The type of the programs that a map holds, once there was one (`map->owner`).
    pub fn owner(&self, id: MapId) -> Option<ProgType> {
        self.state.callers.owner(id)
    }

    /// Forgets a BTF object that nobody refers to any more.
    pub fn btf_free(&mut self, btf: &Arc<Btf>) {
        self.state.btfs.retain(|loaded| !Arc::ptr_eq(&loaded.btf, btf));
    }

    /// Forgets a program by its name in the object.
    pub fn forget(&mut self, name: &str) {
        self.state.callers.forget(name);
    }

    /// A map by its number.
    pub fn map(&self, id: MapId) -> Option<&Arc<Map>> {
        self.state.maps.get(usize::try_from(id.0).ok()?)
    }

    fn map_mut(&mut self, id: MapId) -> Result<&mut Map, Errno> {
        let at = usize::try_from(id.0).map_err(|_| Errno::EBADF)?;
        self.state
            .maps_mut()
            .get_mut(at)
            .map(Arc::make_mut)
            .ok_or(Errno::EBADF)
    }

    /// `BPF_MAP_UPDATE_ELEM`. Programs as values that are not kept are admitted unseen.
    ///
    /// # Errors
    /// See [`Map::update`] and [`Map::update_map`].
    pub fn map_update(&mut self, id: MapId, key: &[u8], value: &MapValue) -> Result<(), Errno> {
        match value {
            MapValue::Bytes(bytes) => self.map_mut(id)?.update(key, bytes),
            MapValue::Map(inner) => {
                let inner = Arc::clone(self.map(*inner).ok_or(Errno::EBADF)?);
                self.map_mut(id)?.update_map(key, &inner)
            }
            MapValue::Program(name) => {
                let map = self.map(id).ok_or(Errno::EBADF)?;
                let index = key.first_chunk::<4>().map_or(0, |key| u32::from_le_bytes(*key));
                if index >= map.max_entries {
                    return Err(Errno::E2BIG);
                }
                match self.state.callers.call(self.kernel, id, name) {
                    Ok(()) => Ok(()),
                    Err(LoadError::Refused(broken)) => Err(broken.errno),
                    Err(LoadError::Unsupported(what)) => {
                        self.state.unmodelled = Some(what);
                        Ok(())
                    }
                }
            }
            MapValue::StructOps(bytes, programs) => {
                let map = self.map(id).ok_or(Errno::EBADF)?;
                match struct_ops::update(self.kernel, map.ops_type, bytes, programs) {
                    Some(done) => done,
                    None => {
                        self.state.unmodelled =
                            Some("what the kernel asks of the values of these struct_ops");
                        Ok(())
                    }
                }
            }
        }
    }

    /// `BPF_MAP_FREEZE`.
    ///
    /// # Errors
    /// See [`Map::freeze`].
    pub fn map_freeze(&mut self, id: MapId) -> Result<(), Errno> {
        self.map_mut(id)?.freeze()
    }

    /// Whether a program of so many instructions is refused before any of its bytes are read, with what is found of
    /// `attach_prog_fd`.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn prog_admit(
        &self,
        attr: &ProgLoad,
        count: usize,
        found: Result<TargetFd, Errno>,
    ) -> Result<(), LoadError> {
        let may = self.state.process.capabilities;
        Prog::admit(self.kernel, may, attr, count, found).map(|_| ())
    }

    /// The part of `BPF_PROG_LOAD` before the verifier.
    ///
    /// # Errors
    /// See [`Prog::load`].
    pub fn prog_load(&mut self, attr: &ProgLoad) -> Result<Prog, LoadError> {
        let maps = self.state.listed();
        let btf = attr.btf.as_ref();
        let btf = btf.and_then(|btf| {
            self.state
                .btfs
                .iter()
                .find(|loaded| Arc::ptr_eq(&loaded.btf, btf))
        });
        let target = match attr.attach_prog {
            None => None,
            Some(id) => {
                let program = usize::try_from(id.0)
                    .ok()
                    .and_then(|id| self.state.programs.get(id));
                Some(program.ok_or(Rule::ProgramAttributes.with(Errno::EINVAL))?)
            }
        };
        let process = &mut self.state.process;
        Prog::load_by(process, self.kernel, attr, btf, maps, target)
    }

    /// Whether the memory that the user may lock is so nearly used up that a program which is accepted may not fit once
    /// the kernel has rewritten it.
    pub fn is_tight(&self) -> bool {
        self.state.process.memory.is_tight()
    }
}
