//! Which helper takes which map, and which program may refer to which map.
//!
//! Sources: `check_map_func_compatibility`, `may_update_sockmap` and `check_map_prog_compatibility` of
//! `kernel/bpf/verifier.c`; `include/linux/bpf_types.h`.

use super::MapType::{self, *};
use crate::helper::HelperId;
use crate::helper::id::*;
use crate::prog::{AttachType, ProgType};
use crate::{Feature, Kernel};

/// Whether a helper takes a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// It does.
    Fits,
    /// It does not: `cannot pass map_type %d into func %s#%d`.
    Mismatch,
    /// It does, but programs of this type may not update socket maps so: `cannot update sockmap in this
    /// context`, and then as for a mismatch.
    SockmapUpdate,
}

/// The helpers that take a map of this type in the base; `None` when the type is not particular.
const fn helpers_of(map: MapType) -> Option<&'static [HelperId]> {
    Some(match map {
        ProgArray => &[TAIL_CALL],
        PerfEventArray => &[
            PERF_EVENT_READ,
            PERF_EVENT_OUTPUT,
            SKB_OUTPUT,
            PERF_EVENT_READ_VALUE,
            XDP_OUTPUT,
        ],
        Ringbuf => &[
            RINGBUF_OUTPUT,
            RINGBUF_RESERVE,
            RINGBUF_QUERY,
            RINGBUF_RESERVE_DYNPTR,
            RINGBUF_SUBMIT_DYNPTR,
            RINGBUF_DISCARD_DYNPTR,
        ],
        UserRingbuf => &[USER_RINGBUF_DRAIN],
        StackTrace => &[GET_STACKID],
        CgroupArray => &[SKB_UNDER_CGROUP, CURRENT_TASK_UNDER_CGROUP],
        CgroupStorage | PercpuCgroupStorage => &[GET_LOCAL_STORAGE],
        Devmap | DevmapHash | Xskmap => &[REDIRECT_MAP, MAP_LOOKUP_ELEM],
        Cpumap => &[REDIRECT_MAP],
        ArrayOfMaps | HashOfMaps => &[MAP_LOOKUP_ELEM],
        Sockmap => &[
            SK_REDIRECT_MAP,
            SOCK_MAP_UPDATE,
            MSG_REDIRECT_MAP,
            SK_SELECT_REUSEPORT,
            MAP_LOOKUP_ELEM,
        ],
        Sockhash => &[
            SK_REDIRECT_HASH,
            SOCK_HASH_UPDATE,
            MSG_REDIRECT_HASH,
            SK_SELECT_REUSEPORT,
            MAP_LOOKUP_ELEM,
        ],
        ReuseportSockarray => &[SK_SELECT_REUSEPORT],
        Queue | Stack => &[MAP_PEEK_ELEM, MAP_POP_ELEM, MAP_PUSH_ELEM],
        SkStorage => &[SK_STORAGE_GET, SK_STORAGE_DELETE, KPTR_XCHG],
        InodeStorage => &[INODE_STORAGE_GET, INODE_STORAGE_DELETE, KPTR_XCHG],
        TaskStorage => &[TASK_STORAGE_GET, TASK_STORAGE_DELETE, KPTR_XCHG],
        CgrpStorage => &[CGRP_STORAGE_GET, CGRP_STORAGE_DELETE, KPTR_XCHG],
        BloomFilter => &[MAP_PEEK_ELEM, MAP_PUSH_ELEM],
        Unspec | Hash | Array | PercpuHash | PercpuArray | LruHash | LruPercpuHash | LpmTrie | StructOps
        | Arena => return None,
    })
}

/// The map types that a helper takes; `None` when the helper is not particular.
const fn maps_of(helper: HelperId) -> Option<&'static [MapType]> {
    Some(match helper {
        TAIL_CALL => &[ProgArray],
        PERF_EVENT_READ | PERF_EVENT_OUTPUT | PERF_EVENT_READ_VALUE | SKB_OUTPUT | XDP_OUTPUT => {
            &[PerfEventArray]
        }
        RINGBUF_OUTPUT
        | RINGBUF_RESERVE
        | RINGBUF_QUERY
        | RINGBUF_RESERVE_DYNPTR
        | RINGBUF_SUBMIT_DYNPTR
        | RINGBUF_DISCARD_DYNPTR => &[Ringbuf],
        USER_RINGBUF_DRAIN => &[UserRingbuf],
        GET_STACKID => &[StackTrace],
        CURRENT_TASK_UNDER_CGROUP | SKB_UNDER_CGROUP => &[CgroupArray],
        REDIRECT_MAP => &[Devmap, DevmapHash, Cpumap, Xskmap],
        SK_REDIRECT_MAP | MSG_REDIRECT_MAP | SOCK_MAP_UPDATE => &[Sockmap],
        SK_REDIRECT_HASH | MSG_REDIRECT_HASH | SOCK_HASH_UPDATE => &[Sockhash],
        GET_LOCAL_STORAGE => &[CgroupStorage, PercpuCgroupStorage],
        SK_SELECT_REUSEPORT => &[ReuseportSockarray, Sockmap, Sockhash],
        MAP_POP_ELEM => &[Queue, Stack],
        MAP_PEEK_ELEM | MAP_PUSH_ELEM => &[Queue, Stack, BloomFilter],
        MAP_LOOKUP_PERCPU_ELEM => &[PercpuArray, PercpuHash, LruPercpuHash],
        SK_STORAGE_GET | SK_STORAGE_DELETE => &[SkStorage],
        INODE_STORAGE_GET | INODE_STORAGE_DELETE => &[InodeStorage],
        TASK_STORAGE_GET | TASK_STORAGE_DELETE => &[TaskStorage],
        CGRP_STORAGE_GET | CGRP_STORAGE_DELETE => &[CgrpStorage],
        _ => return None,
    })
}

/// Whether programs of this type may update or delete elements of socket maps: nobody can hold the lock of
/// the socket there. `attach` is the number of the expected attach type.
fn may_update_sockmap(prog: ProgType, attach: u32, helper: HelperId) -> bool {
    use ProgType as T;
    match prog {
        T::Tracing => attach == AttachType::TraceIter.raw(),
        // Updates go through helpers of their own, which look at the event.
        T::SockOps => helper == MAP_DELETE_ELEM,
        T::SocketFilter | T::SchedCls | T::SchedAct | T::Xdp => true,
        T::SkReuseport | T::FlowDissector | T::SkLookup => true,
        _ => false,
    }
}

fn judge(map: MapType, helpers: Option<&[HelperId]>, helper: HelperId, prog: ProgType, attach: u32) -> Fit {
    if let Some(helpers) = helpers
        && !helpers.contains(&helper)
    {
        let updates = matches!(helper, MAP_UPDATE_ELEM | MAP_DELETE_ELEM);
        if !matches!(map, Sockmap | Sockhash) || !updates {
            return Fit::Mismatch;
        }
        if !may_update_sockmap(prog, attach, helper) {
            return Fit::SockmapUpdate;
        }
    }
    match maps_of(helper) {
        Some(maps) if !maps.contains(&map) => Fit::Mismatch,
        _ => Fit::Fits,
    }
}

/// The map types that may keep pointers to kernel objects in the base.
pub(super) const KPTR_MAPS: &[MapType] = &[
    Hash,
    PercpuHash,
    LruHash,
    LruPercpuHash,
    Array,
    PercpuArray,
    SkStorage,
    InodeStorage,
    TaskStorage,
    CgrpStorage,
];

/// Whether a sleepable program may use maps of this type in the base.
const fn may_sleep_with(map: MapType) -> bool {
    matches!(
        map,
        Hash | LruHash
            | Array
            | PercpuHash
            | PercpuArray
            | LruPercpuHash
            | ArrayOfMaps
            | HashOfMaps
            | Ringbuf
            | UserRingbuf
            | InodeStorage
            | SkStorage
            | TaskStorage
            | CgrpStorage
            | Queue
            | Stack
            | Arena
    )
}

impl MapType {
    /// The options without which a kernel knows no such map.
    fn requirements(self) -> &'static [Feature] {
        match self {
            CgroupArray | CgrpStorage => &[Feature::Cgroups],
            CgroupStorage | PercpuCgroupStorage => &[Feature::CgroupBpf],
            StackTrace => &[Feature::PerfEvents],
            InodeStorage => &[Feature::BpfLsm],
            Devmap | DevmapHash | SkStorage | Cpumap => &[Feature::Net],
            Xskmap => &[Feature::Net, Feature::XdpSockets],
            Sockmap | Sockhash | ReuseportSockarray => &[Feature::Net, Feature::Inet],
            StructOps => &[Feature::BpfJit],
            Unspec | Hash | Array | ProgArray | PerfEventArray | PercpuHash | PercpuArray | LruHash
            | LruPercpuHash | LpmTrie | ArrayOfMaps | HashOfMaps | Queue | Stack | Ringbuf | TaskStorage
            | BloomFilter | UserRingbuf | Arena => &[],
        }
    }
}

impl Kernel {
    /// Whether `helper` takes a map of type `map` in programs of type `prog`; `attach` is the number of the
    /// expected attach type.
    pub fn map_fit(&self, map: MapType, helper: HelperId, prog: ProgType, attach: u32) -> Fit {
        let mut changes = self.tables.changes.chain().flat_map(|c| c.map.helpers);
        let changed = changes.find(|(of, _)| *of == map);
        let helpers = changed.map_or_else(|| helpers_of(map), |(_, helpers)| Some(*helpers));
        judge(map, helpers, helper, prog, attach)
    }

    /// Whether maps of this type may keep pointers to kernel objects.
    pub fn keeps_kptrs(&self, ty: MapType) -> bool {
        self.tables.changes.map.kptrs.contains(&ty)
    }

    /// Whether these flags of a map are all known; others are refused with `EINVAL`.
    pub fn knows_map_flags(&self, flags: u32) -> bool {
        flags & !self.tables.changes.map.flags == 0
    }

    /// Whether a sleepable program may use maps of this type.
    pub fn sleepable_map(&self, ty: MapType) -> bool {
        may_sleep_with(ty) && !self.tables.changes.map.sleepless.contains(&ty)
    }

    /// Whether maps of this type can be created at all (otherwise `BPF_MAP_CREATE` gives `EINVAL`).
    pub fn supports_map_type(&self, ty: MapType) -> bool {
        ty != Unspec
            && ty.raw() < self.tables.changes.map.count
            && ty.requirements().iter().all(|f| self.features().has(*f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XDP: ProgType = ProgType::Xdp;

    fn fit(map: MapType, helper: HelperId, prog: ProgType, attach: u32) -> Fit {
        judge(map, helpers_of(map), helper, prog, attach)
    }

    #[test]
    fn both_sides_must_agree() {
        assert_eq!(fit(ProgArray, TAIL_CALL, XDP, 0), Fit::Fits);
        assert_eq!(fit(ProgArray, MAP_LOOKUP_ELEM, XDP, 0), Fit::Mismatch);
        assert_eq!(fit(Hash, TAIL_CALL, XDP, 0), Fit::Mismatch);
        assert_eq!(fit(Hash, MAP_UPDATE_ELEM, XDP, 0), Fit::Fits);
        assert_eq!(fit(Devmap, MAP_LOOKUP_ELEM, XDP, 0), Fit::Fits);
        assert_eq!(fit(Cpumap, MAP_LOOKUP_ELEM, XDP, 0), Fit::Mismatch);
        assert_eq!(fit(TaskStorage, KPTR_XCHG, ProgType::Kprobe, 0), Fit::Fits);
        assert_eq!(fit(BloomFilter, MAP_POP_ELEM, XDP, 0), Fit::Mismatch);
    }

    #[test]
    fn the_two_tables_do_not_contradict_each_other() {
        for map in MapType::ALL {
            for helper in helpers_of(*map).unwrap_or_default() {
                if let Some(maps) = maps_of(*helper) {
                    assert!(maps.contains(map), "{map} {helper}");
                }
            }
        }
    }

    #[test]
    fn socket_maps_are_updated_only_where_no_lock_can_be_held() {
        let iter = AttachType::TraceIter.raw();
        assert_eq!(fit(Sockmap, MAP_UPDATE_ELEM, XDP, 0), Fit::Fits);
        assert_eq!(
            fit(Sockhash, MAP_UPDATE_ELEM, ProgType::Kprobe, 0),
            Fit::SockmapUpdate
        );
        assert_eq!(fit(Sockmap, MAP_DELETE_ELEM, ProgType::SockOps, 3), Fit::Fits);
        assert_eq!(
            fit(Sockmap, MAP_UPDATE_ELEM, ProgType::SockOps, 3),
            Fit::SockmapUpdate
        );
        assert_eq!(fit(Sockmap, MAP_UPDATE_ELEM, ProgType::Tracing, iter), Fit::Fits);
        assert_eq!(
            fit(Sockmap, MAP_UPDATE_ELEM, ProgType::Tracing, 0),
            Fit::SockmapUpdate
        );
        assert_eq!(fit(Sockmap, MAP_PUSH_ELEM, XDP, 0), Fit::Mismatch);
    }

    #[test]
    fn the_default_kernel_knows_all_maps() {
        let kernel = Kernel::open("6.12").unwrap();
        assert!(
            MapType::ALL
                .iter()
                .skip(1)
                .all(|ty| kernel.supports_map_type(*ty))
        );
        assert!(!kernel.supports_map_type(Unspec));
    }
}
