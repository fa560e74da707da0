//! The kernel's side, as the loader sees it.

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Broken;

use crate::error::Warnings;

/// What loading an object comes to until all its maps are made: the same for all its programs.
#[derive(Clone, Debug)]
pub struct Made {
    /// How often the object was changed before.
    pub changes: u64,
    /// The BTF that the kernel took; or why the object is not loaded.
    pub(crate) btf: Result<Option<Arc<Btf>>, Broken>,
    /// Created maps by their index in the object.
    pub(crate) maps: Arc<[Option<MapId>]>,
    /// Warnings on the way.
    pub(crate) said: Warnings,
}

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
    /// What an earlier load of the object came to until all its maps were made, if that is known of the object after so
    /// many changes. All that was loaded by then is loaded now.
    fn recall(&mut self, _changes: u64) -> Option<Arc<Made>> {
        None
    }
    /// Keeps what was loaded until now, to come back to it.
    fn keep(&mut self, _made: Made) {}
}
