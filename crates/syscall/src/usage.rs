//! How much memory a kernel says that a map takes (`memlock` in fdinfo): what it was charged, where the kernel charges; an
//! estimate from the map's sizes (`bpf_map_memory_footprint`, Linux 5.11); what each type adds up itself
//! (`map_mem_usage` of the types, Linux 6.4). Sizes of the kernel's structs are those of its BTF.

use verdict_btf::Kind;
use verdict_kernel::Kernel;
use verdict_kernel::map::MapType;

use crate::map::{Map, flags};
use crate::memory::{POINTER, buckets, size_of};

/// Locks of the buckets of a hash table for each CPU (`HASHTAB_MAP_LOCK_COUNT`), which are counted where there are none any
/// more, too.
const LOCKS: u64 = 8;

/// Bytes of an `int` and a `struct llist_node`.
const INT: u64 = 4;
const LIST_NODE: u64 = 8;

/// Pages before the data of a ring buffer: one that user space does not see, the consumer's, the producer's.
const RING_PAGES: u64 = 3;

/// Hash functions of a bloom filter that asks for none.
const BLOOM_HASHES: u64 = 5;

/// Bytes that a map with so many elements is said to take, on kernels that do not charge users for maps.
pub(crate) fn usage(kernel: &Kernel, map: &Map, elements: u64) -> u64 {
    let counts = kernel.btf.find("bpf_map_ops", Kind::Struct);
    let counts = counts.and_then(|id| kernel.btf.ty(id)).is_some_and(|ops| {
        let mut members = ops.members();
        members.any(|member| member.name() == "map_mem_usage")
    });
    if counts {
        counted(kernel, map, elements).unwrap_or(0)
    } else {
        footprint(kernel, map)
    }
}

/// Keys and values, in whole pages.
fn footprint(kernel: &Kernel, map: &Map) -> u64 {
    let value = match map.map_type {
        MapType::PercpuArray
        | MapType::PercpuHash
        | MapType::LruPercpuHash
        | MapType::PercpuCgroupStorage => {
            u64::from(map.value_size).next_multiple_of(8) * u64::from(kernel.machine.nr_cpus)
        }
        MapType::ProgArray
        | MapType::PerfEventArray
        | MapType::CgroupArray
        | MapType::ArrayOfMaps
        | MapType::HashOfMaps => 4,
        _ => map.value_size.into(),
    };
    let one = (u64::from(map.key_size) + value).next_multiple_of(8);
    let all = one.saturating_mul(map.max_entries.into());
    all.checked_next_multiple_of(page(kernel)).unwrap_or(all)
}

fn page(kernel: &Kernel) -> u64 {
    u64::from(kernel.machine.page_size.max(1))
}

/// What a type adds up; `None` is more than can be counted.
fn counted(kernel: &Kernel, map: &Map, elements: u64) -> Option<u64> {
    let size = |name: &str| size_of(kernel, name);
    let entries = u64::from(map.max_entries);
    let value = u64::from(map.value_size);
    let cpus = u64::from(kernel.machine.nr_cpus);
    let table = |head: &'static str, one: u64| entries.checked_mul(one)?.checked_add(size(head));
    let even_value = value.next_multiple_of(8);
    match map.map_type {
        MapType::Array if map.flags & flags::MMAPABLE != 0 => {
            let values = entries.checked_mul(even_value)?;
            let values = values.checked_next_multiple_of(page(kernel))?;
            values.checked_add(size("bpf_array").next_multiple_of(page(kernel)))
        }
        MapType::Array
        | MapType::ProgArray
        | MapType::PerfEventArray
        | MapType::CgroupArray
        | MapType::ArrayOfMaps => table("bpf_array", even_value),
        MapType::PercpuArray => table("bpf_array", POINTER + even_value.checked_mul(cpus)?),
        MapType::Hash
        | MapType::PercpuHash
        | MapType::LruHash
        | MapType::LruPercpuHash
        | MapType::HashOfMaps => hash(kernel, map, elements),
        MapType::LpmTrie => {
            // A key begins with the length of its prefix.
            let data = u64::from(map.key_size).saturating_sub(INT);
            elements.checked_mul(size("lpm_trie_node") + data + value)
        }
        MapType::Queue | MapType::Stack => {
            let values = (entries + 1).checked_mul(value)?;
            values.checked_add(size("bpf_queue_stack"))
        }
        MapType::BloomFilter => Some(size("bpf_bloom_filter") + bloom_bits(map).div_ceil(64) * 8),
        MapType::Ringbuf | MapType::UserRingbuf => {
            let data = entries / page(kernel);
            let pages = (RING_PAGES + data) * page(kernel);
            Some(size("bpf_ringbuf_map") + pages + (RING_PAGES + 2 * data) * POINTER)
        }
        MapType::StackTrace => {
            let elements = entries.checked_mul(size("stack_map_bucket") + value)?;
            elements.checked_add(buckets(entries, POINTER)? + size("bpf_stack_map"))
        }
        MapType::Devmap => table("bpf_dtab", POINTER),
        MapType::DevmapHash => buckets(entries, size("hlist_head"))?.checked_add(size("bpf_dtab")),
        MapType::Cpumap => table("bpf_cpu_map", POINTER),
        MapType::Xskmap => table("xsk_map", POINTER),
        MapType::Sockmap => table("bpf_stab", POINTER),
        MapType::Sockhash => {
            let heads = buckets(entries, size("bpf_shtab_bucket"))?;
            heads.checked_add(size("bpf_shtab"))
        }
        MapType::ReuseportSockarray => table("reuseport_array", POINTER),
        MapType::CgroupStorage | MapType::PercpuCgroupStorage => Some(size("bpf_cgroup_storage_map")),
        MapType::SkStorage | MapType::InodeStorage | MapType::TaskStorage | MapType::CgrpStorage => {
            let heads = cpus.max(2).checked_next_power_of_two()?;
            Some(heads * size("bpf_local_storage_map_bucket") + size("bpf_local_storage_map"))
        }
        // An arena counts nothing. Operations take pages for code that is made of them.
        MapType::Unspec | MapType::Arena | MapType::StructOps => Some(0),
    }
}

/// Bits of a bloom filter (`bloom_map_alloc`).
fn bloom_bits(map: &Map) -> u64 {
    let hashes = match map.extra & 0xf {
        0 => BLOOM_HASHES,
        hashes => hashes,
    };
    let bits = u32::try_from(u64::from(map.max_entries) * hashes).ok();
    let bits = bits.and_then(|bits| (bits / 5).checked_mul(7));
    let bits = bits.filter(|bits| *bits <= 1 << 31);
    bits.map_or(1 << 32, |bits| u64::from(bits).next_power_of_two().max(64))
}

/// A hash table (`htab_map_mem_usage`).
fn hash(kernel: &Kernel, map: &Map, elements: u64) -> Option<u64> {
    let size = |name: &str| size_of(kernel, name);
    let (entries, cpus) = (u64::from(map.max_entries), u64::from(kernel.machine.nr_cpus));
    let value = u64::from(map.value_size).next_multiple_of(8);
    let per_cpu = matches!(map.map_type, MapType::PercpuHash | MapType::LruPercpuHash);
    let lru = matches!(map.map_type, MapType::LruHash | MapType::LruPercpuHash);
    let key = u64::from(map.key_size).next_multiple_of(8);
    let element = size("htab_elem") + key + if per_cpu { POINTER } else { value };
    let locks = INT * cpus * LOCKS;
    let all = (size("bpf_htab") + locks).checked_add(buckets(entries, size("bucket"))?)?;
    let values = value * cpus;
    if map.flags & flags::NO_PREALLOC != 0 {
        let one = element + LIST_NODE + if per_cpu { LIST_NODE + POINTER + values } else { 0 };
        return all.checked_add(elements.checked_mul(one)?);
    }
    // One for each CPU that is put in the place of one that is replaced.
    let of_maps = map.map_type == MapType::HashOfMaps && !kernel.calls().spares_for_maps;
    let more = if per_cpu || lru || of_maps { 0 } else { cpus };
    let all = all.checked_add((entries + more).checked_mul(element)?)?;
    match (per_cpu, lru) {
        (true, _) => all.checked_add(entries.checked_mul(values)?),
        (false, true) => Some(all),
        (false, false) => Some(all + POINTER * cpus),
    }
}
