//! Map types, and what may be done with maps of each.

mod uses;

pub use uses::Fit;

use crate::abi::numbered::numbered;
use crate::helper::HelperId;

/// How a release's map types differ from the base's.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Map types from this number on do not exist.
    pub count: u32,
    /// Map types that are for other helpers.
    pub helpers: &'static [(MapType, &'static [HelperId])],
    /// Map types that sleepable programs may not use although they may in the base.
    pub sleepless: &'static [MapType],
    /// What is said of a sleepable program that uses another, without the newline.
    pub sleep_words: &'static str,
    /// Flags that are known (`BPF_F_*` of maps).
    pub flags: u32,
    /// Map types that may keep pointers to kernel objects.
    pub kptrs: &'static [MapType],
    /// What is asked of a map before it is made.
    pub demands: Demands,
}

/// What is asked of maps before they are made, where kernels differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demands {
    /// Most bytes of a value of an array.
    pub array_value: u32,
    /// Most bytes of a key of a hash table, so many of which its values leave free; `None` where key and value share the
    /// room.
    pub hash_key: Option<u32>,
    /// Most bytes of a value of cgroup storage, where other limits are not the only ones.
    pub cgroup_value: Option<u32>,
    /// Whether maps whose values have a lock may be inner maps.
    pub inner_locks: bool,
}

impl Demands {
    pub(in crate::tables) const BASE: Demands = Demands {
        array_value: i32::MAX as u32,
        hash_key: None,
        cgroup_value: None,
        inner_locks: true,
    };
}

impl Changes {
    pub(in crate::tables) const NONE: Changes = Changes {
        count: MapType::ALL.len() as u32,
        helpers: &[],
        sleepless: &[],
        sleep_words: "Sleepable programs can only use array, hash, ringbuf and local storage maps",
        flags: u32::MAX,
        kptrs: uses::KPTR_MAPS,
        demands: Demands::BASE,
    };
}

impl crate::Kernel {
    /// What this kernel says of a sleepable program that uses a map that [`Kernel::sleepable_map`] does not name.
    ///
    /// [`Kernel::sleepable_map`]: crate::Kernel::sleepable_map
    pub fn sleepable_map_words(&self) -> &'static str {
        self.tables.changes.map.sleep_words
    }

    /// What this kernel asks of maps before it makes them.
    pub fn map_demands(&self) -> Demands {
        self.tables.changes.map.demands
    }
}

numbered! {
    /// Map types: `enum bpf_map_type` of Linux 6.12, names as `libbpf_bpf_map_type_str` gives them.
    MapType {
        Unspec = 0, "BPF_MAP_TYPE_UNSPEC", "unspec";
        Hash = 1, "BPF_MAP_TYPE_HASH", "hash";
        Array = 2, "BPF_MAP_TYPE_ARRAY", "array";
        ProgArray = 3, "BPF_MAP_TYPE_PROG_ARRAY", "prog_array";
        PerfEventArray = 4, "BPF_MAP_TYPE_PERF_EVENT_ARRAY", "perf_event_array";
        PercpuHash = 5, "BPF_MAP_TYPE_PERCPU_HASH", "percpu_hash";
        PercpuArray = 6, "BPF_MAP_TYPE_PERCPU_ARRAY", "percpu_array";
        StackTrace = 7, "BPF_MAP_TYPE_STACK_TRACE", "stack_trace";
        CgroupArray = 8, "BPF_MAP_TYPE_CGROUP_ARRAY", "cgroup_array";
        LruHash = 9, "BPF_MAP_TYPE_LRU_HASH", "lru_hash";
        LruPercpuHash = 10, "BPF_MAP_TYPE_LRU_PERCPU_HASH", "lru_percpu_hash";
        LpmTrie = 11, "BPF_MAP_TYPE_LPM_TRIE", "lpm_trie";
        ArrayOfMaps = 12, "BPF_MAP_TYPE_ARRAY_OF_MAPS", "array_of_maps";
        HashOfMaps = 13, "BPF_MAP_TYPE_HASH_OF_MAPS", "hash_of_maps";
        Devmap = 14, "BPF_MAP_TYPE_DEVMAP", "devmap";
        Sockmap = 15, "BPF_MAP_TYPE_SOCKMAP", "sockmap";
        Cpumap = 16, "BPF_MAP_TYPE_CPUMAP", "cpumap";
        Xskmap = 17, "BPF_MAP_TYPE_XSKMAP", "xskmap";
        Sockhash = 18, "BPF_MAP_TYPE_SOCKHASH", "sockhash";
        CgroupStorage = 19, "BPF_MAP_TYPE_CGROUP_STORAGE", "cgroup_storage";
        ReuseportSockarray = 20, "BPF_MAP_TYPE_REUSEPORT_SOCKARRAY", "reuseport_sockarray";
        PercpuCgroupStorage = 21, "BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE", "percpu_cgroup_storage";
        Queue = 22, "BPF_MAP_TYPE_QUEUE", "queue";
        Stack = 23, "BPF_MAP_TYPE_STACK", "stack";
        SkStorage = 24, "BPF_MAP_TYPE_SK_STORAGE", "sk_storage";
        DevmapHash = 25, "BPF_MAP_TYPE_DEVMAP_HASH", "devmap_hash";
        StructOps = 26, "BPF_MAP_TYPE_STRUCT_OPS", "struct_ops";
        Ringbuf = 27, "BPF_MAP_TYPE_RINGBUF", "ringbuf";
        InodeStorage = 28, "BPF_MAP_TYPE_INODE_STORAGE", "inode_storage";
        TaskStorage = 29, "BPF_MAP_TYPE_TASK_STORAGE", "task_storage";
        BloomFilter = 30, "BPF_MAP_TYPE_BLOOM_FILTER", "bloom_filter";
        UserRingbuf = 31, "BPF_MAP_TYPE_USER_RINGBUF", "user_ringbuf";
        CgrpStorage = 32, "BPF_MAP_TYPE_CGRP_STORAGE", "cgrp_storage";
        Arena = 33, "BPF_MAP_TYPE_ARENA", "arena";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_names_unique() {
        for (i, v) in MapType::ALL.iter().enumerate() {
            assert_eq!(v.raw() as usize, i);
            assert_eq!(MapType::from_raw(v.raw()), Some(*v));
            assert_eq!(MapType::from_name(v.name()), Some(*v));
        }
        assert_eq!(MapType::from_raw(MapType::ALL.len() as u32), None);
    }
}
