//! The loader's view of bpf(2), answered by the kernel's side.

use std::sync::{Arc, OnceLock};

use verdict_btf::Btf;
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Broken;
use verdict_loader::Bpf;
use verdict_syscall::Session;
use verdict_syscall::btf::ProgBtf;

/// The BTF of an object, once its kernel has taken it: all its programs are loaded with the same.
#[derive(Debug, Default)]
pub(crate) struct Taken(OnceLock<Arc<ProgBtf>>);

/// A session that the loader can talk to.
pub(crate) struct Bridge<'k>(pub(crate) Session<'k>, pub(crate) Option<&'k Taken>);

impl Bpf for Bridge<'_> {
    fn btf_load(&mut self, btf: &Arc<Btf>) -> Result<(), (Broken, String)> {
        let taken = self.1.and_then(|taken| taken.0.get());
        if let Some(taken) = taken.filter(|taken| Arc::ptr_eq(&taken.btf, btf)) {
            self.0.add_btf(Arc::clone(taken));
            return Ok(());
        }
        let refused = self.0.btf_load(btf);
        refused.map_err(|rejection| (rejection.rule.with(rejection.errno), rejection.text))?;
        if let (Some(taken), Some(loaded)) = (self.1, self.0.btf(btf)) {
            // The first stays; it is the one of all programs, or another is as good.
            let _ = taken.0.set(Arc::clone(loaded));
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
}
