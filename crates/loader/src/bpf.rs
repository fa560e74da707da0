//! The kernel's side, as the loader sees it.

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Broken;

/// The kernel's side of loading an object: the commands of bpf(2) around `BPF_PROG_LOAD`.
pub trait Bpf {
    /// `BPF_BTF_LOAD`; a refusal comes with its log.
    fn btf_load(&mut self, btf: &Arc<Btf>) -> Result<(), (Broken, String)>;
    /// `BPF_MAP_CREATE`.
    fn map_create(&mut self, attr: &MapCreate) -> Result<MapId, Broken>;
    /// Closes the descriptor of a map that nothing else refers to.
    fn map_close(&mut self, map: MapId);
    /// `BPF_MAP_UPDATE_ELEM`.
    fn map_update(&mut self, map: MapId, key: &[u8], value: MapValue) -> Result<(), Errno>;
    /// `BPF_MAP_FREEZE`.
    fn map_freeze(&mut self, map: MapId) -> Result<(), Errno>;
}
