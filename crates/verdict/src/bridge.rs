//! The loader's view of bpf(2), answered by the kernel's side.

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Broken;
use verdict_loader::Bpf;
use verdict_syscall::Session;

/// A session that the loader can talk to.
pub(crate) struct Bridge<'k>(pub(crate) Session<'k>);

impl Bpf for Bridge<'_> {
    fn btf_load(&mut self, btf: &Arc<Btf>) -> Result<(), (Broken, String)> {
        self.0
            .btf_load(btf)
            .map_err(|rejection| (rejection.rule.with(rejection.errno), rejection.text))
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
