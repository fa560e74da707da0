//! Each map type's own demands on its attributes: `map_alloc_check` and the refusals of `map_alloc`
//! (`kernel/bpf/*map*.c`, `net/core/sock_map.c`, `net/xdp/xskmap.c` and others).
//!
//! Memory is taken to be plentiful: sizes that exhaust one machine and not another are admitted. What the user may lock is
//! counted elsewhere ([`memory`](crate::memory)).

use verdict_kernel::Kernel;
use verdict_kernel::attr::MapCreate;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::{Demands, MapType};

use super::flags::{self, ACCESS_MASK, KMALLOC_MAX, NUMA_NODE, PAGE_SIZE, PERCPU_MAX};

type Checked = Result<(), Errno>;

fn require(holds: bool, errno: Errno) -> Checked {
    if holds { Ok(()) } else { Err(errno) }
}

/// Whether the attributes have only flags of `allowed`, and do not forbid programs both reading and writing.
fn flags_ok(attr: &MapCreate, allowed: u32) -> bool {
    let neither = flags::RDONLY_PROG | flags::WRONLY_PROG;
    attr.map_flags & !allowed == 0 && attr.map_flags & neither != neither
}

fn has(attr: &MapCreate, flag: u32) -> bool {
    attr.map_flags & flag != 0
}

/// The most CPUs that the kernel was built for (`CONFIG_NR_CPUS`).
fn built_cpus(kernel: &Kernel) -> u32 {
    kernel
        .config("CONFIG_NR_CPUS")
        .and_then(|value| value.parse().ok())
        .unwrap_or(8192)
}

fn percpu_value_fits(attr: &MapCreate) -> bool {
    u64::from(attr.value_size).next_multiple_of(8) <= PERCPU_MAX
}

/// Whether the number of hash buckets, `max_entries` rounded up to a power of two, is in reach.
fn buckets_ok(max_entries: u32) -> bool {
    max_entries <= 1 << 31
}

/// What the type asks of the attributes before anything else is looked at (`map_alloc_check`).
pub(super) fn check(kernel: &Kernel, map_type: MapType, attr: &MapCreate) -> Checked {
    let demands = kernel.map_demands();
    match map_type {
        MapType::Array | MapType::PercpuArray => array(map_type, attr, demands),
        MapType::ProgArray | MapType::PerfEventArray | MapType::CgroupArray | MapType::ArrayOfMaps => {
            require(attr.value_size == 4, Errno::EINVAL)?;
            require(!has(attr, flags::RDONLY_PROG | flags::WRONLY_PROG), Errno::EINVAL)?;
            array(map_type, attr, demands)
        }
        MapType::ReuseportSockarray => {
            require(matches!(attr.value_size, 4 | 8), Errno::EINVAL)?;
            array(map_type, attr, demands)
        }
        MapType::Hash | MapType::PercpuHash | MapType::LruHash | MapType::LruPercpuHash => {
            hash(map_type, attr, demands)
        }
        MapType::HashOfMaps => {
            require(attr.value_size == 4, Errno::EINVAL)?;
            hash(map_type, attr, demands)
        }
        MapType::BloomFilter => require(u64::from(attr.value_size) <= KMALLOC_MAX, Errno::E2BIG),
        MapType::Queue | MapType::Stack => queue(attr),
        MapType::Devmap | MapType::DevmapHash => devmap(map_type, attr),
        MapType::SkStorage | MapType::InodeStorage | MapType::TaskStorage | MapType::CgrpStorage => {
            local_storage(attr)
        }
        MapType::StructOps => {
            let known = flags::LINK | flags::VTYPE_BTF_OBJ_FD;
            let sound = attr.key_size == 4
                && attr.max_entries == 1
                && attr.map_flags & !known == 0
                && attr.btf_vmlinux_value_type_id.is_some();
            require(sound, Errno::EINVAL)
        }
        MapType::Unspec
        | MapType::StackTrace
        | MapType::LpmTrie
        | MapType::Sockmap
        | MapType::Cpumap
        | MapType::Xskmap
        | MapType::Sockhash
        | MapType::CgroupStorage
        | MapType::PercpuCgroupStorage
        | MapType::Ringbuf
        | MapType::UserRingbuf
        | MapType::Arena => Ok(()),
    }
}

/// What the type asks of the attributes when the map is made (`map_alloc`), besides inner maps and struct_ops.
pub(super) fn alloc(kernel: &Kernel, map_type: MapType, attr: &MapCreate) -> Checked {
    match map_type {
        MapType::Hash
        | MapType::PercpuHash
        | MapType::LruHash
        | MapType::LruPercpuHash
        | MapType::HashOfMaps => hash_buckets(kernel, attr),
        MapType::StackTrace => stack_trace(attr),
        MapType::LpmTrie => lpm_trie(attr),
        MapType::Sockmap => {
            let sound = sockets(attr) && attr.max_entries <= i32::MAX as u32 && attr.key_size == 4;
            require(sound, Errno::EINVAL)
        }
        MapType::Sockhash => sockhash(attr),
        MapType::Cpumap => cpumap(kernel, attr),
        MapType::Xskmap => {
            let known = NUMA_NODE | flags::RDONLY | flags::WRONLY;
            let sound = attr.max_entries != 0
                && attr.key_size == 4
                && attr.value_size == 4
                && attr.map_flags & !known == 0;
            require(sound, Errno::EINVAL)
        }
        MapType::CgroupStorage | MapType::PercpuCgroupStorage => {
            cgroup_storage(map_type, attr, kernel.map_demands())
        }
        MapType::Ringbuf | MapType::UserRingbuf => ringbuf(attr),
        MapType::BloomFilter => bloom_filter(attr),
        MapType::Arena => arena(attr),
        MapType::Unspec
        | MapType::Array
        | MapType::PercpuArray
        | MapType::ProgArray
        | MapType::PerfEventArray
        | MapType::CgroupArray
        | MapType::ArrayOfMaps
        | MapType::ReuseportSockarray
        | MapType::Queue
        | MapType::Stack
        | MapType::Devmap
        | MapType::DevmapHash
        | MapType::SkStorage
        | MapType::InodeStorage
        | MapType::TaskStorage
        | MapType::CgrpStorage
        | MapType::StructOps => Ok(()),
    }
}

fn sockhash(attr: &MapCreate) -> Checked {
    require(sockets(attr) && attr.key_size != 0, Errno::EINVAL)?;
    require(attr.key_size <= 512, Errno::E2BIG)?;
    // sizeof(struct bpf_shtab_bucket) is 16, and the product must fit 32 bits.
    let buckets = u64::from(attr.max_entries).next_power_of_two();
    require(buckets <= u64::from(u32::MAX / 16), Errno::EINVAL)
}

fn cpumap(kernel: &Kernel, attr: &MapCreate) -> Checked {
    let sound = attr.max_entries != 0
        && attr.key_size == 4
        && matches!(attr.value_size, 4 | 8)
        && attr.map_flags & !NUMA_NODE == 0;
    require(sound, Errno::EINVAL)?;
    require(attr.max_entries <= built_cpus(kernel), Errno::E2BIG)
}

fn ringbuf(attr: &MapCreate) -> Checked {
    let sound = attr.map_flags & !NUMA_NODE == 0
        && attr.key_size == 0
        && attr.value_size == 0
        && attr.max_entries.is_power_of_two()
        && attr.max_entries.is_multiple_of(PAGE_SIZE);
    require(sound, Errno::EINVAL)
}

fn bloom_filter(attr: &MapCreate) -> Checked {
    let sound = attr.key_size == 0
        && attr.value_size != 0
        && attr.max_entries != 0
        && flags_ok(attr, NUMA_NODE | flags::ZERO_SEED | ACCESS_MASK)
        && attr.map_extra & !0xf == 0;
    require(sound, Errno::EINVAL)
}

fn array(map_type: MapType, attr: &MapCreate, demands: Demands) -> Checked {
    let percpu = map_type == MapType::PercpuArray;
    let known = NUMA_NODE | flags::MMAPABLE | ACCESS_MASK | flags::PRESERVE_ELEMS | flags::INNER_MAP;
    let sound = attr.max_entries != 0
        && attr.key_size == 4
        && attr.value_size != 0
        && flags_ok(attr, known)
        && !(percpu && has(attr, NUMA_NODE))
        && (map_type == MapType::Array || !has(attr, flags::MMAPABLE | flags::INNER_MAP))
        && (map_type == MapType::PerfEventArray || !has(attr, flags::PRESERVE_ELEMS));
    require(sound, Errno::EINVAL)?;
    require(attr.value_size <= demands.array_value, Errno::E2BIG)?;
    require(!percpu || percpu_value_fits(attr), Errno::E2BIG)
}

fn hash(map_type: MapType, attr: &MapCreate, demands: Demands) -> Checked {
    let percpu = matches!(map_type, MapType::PercpuHash | MapType::LruPercpuHash);
    let lru = matches!(map_type, MapType::LruHash | MapType::LruPercpuHash);
    let lru_per_cpu = has(attr, flags::NO_COMMON_LRU);
    let known = flags::NO_PREALLOC | flags::NO_COMMON_LRU | NUMA_NODE | ACCESS_MASK | flags::ZERO_SEED;
    require(flags_ok(attr, known), Errno::EINVAL)?;
    require(lru || !lru_per_cpu, Errno::EINVAL)?;
    require(!(lru && has(attr, flags::NO_PREALLOC)), Errno::ENOTSUPP)?;
    require(!(has(attr, NUMA_NODE) && (percpu || lru_per_cpu)), Errno::EINVAL)?;
    let sized = attr.max_entries != 0 && attr.key_size != 0 && attr.value_size != 0;
    require(sized, Errno::EINVAL)?;
    require(
        demands.hash_key.is_none_or(|most| attr.key_size <= most),
        Errno::E2BIG,
    )?;
    let bytes = u64::from(demands.hash_key.unwrap_or(attr.key_size)) + u64::from(attr.value_size);
    require(bytes < KMALLOC_MAX - flags::HTAB_ELEM, Errno::E2BIG)?;
    require(!percpu || percpu_value_fits(attr), Errno::E2BIG)
}

/// The hash's limits on its number of buckets; an LRU list for each CPU first evens out the elements.
fn hash_buckets(kernel: &Kernel, attr: &MapCreate) -> Checked {
    let max_entries = hash_entries(kernel, attr);
    require(buckets_ok(max_entries), Errno::E2BIG)?;
    // sizeof(struct bucket) is 16, and the product must fit 32 bits.
    let buckets = u64::from(max_entries).next_power_of_two();
    require(buckets <= u64::from(u32::MAX / 16), Errno::E2BIG)
}

/// The number of elements that a hash ends up with.
pub(crate) fn hash_entries(kernel: &Kernel, attr: &MapCreate) -> u32 {
    if !has(attr, flags::NO_COMMON_LRU) {
        return attr.max_entries;
    }
    let cpus = kernel.machine.nr_cpus.max(1);
    let down = attr.max_entries - attr.max_entries % cpus;
    attr.max_entries.checked_next_multiple_of(cpus).unwrap_or(down)
}

fn queue(attr: &MapCreate) -> Checked {
    let sound = attr.max_entries != 0
        && attr.key_size == 0
        && attr.value_size != 0
        && flags_ok(attr, NUMA_NODE | ACCESS_MASK);
    require(sound, Errno::EINVAL)?;
    require(u64::from(attr.value_size) <= KMALLOC_MAX, Errno::E2BIG)?;
    require(attr.max_entries < u32::MAX / attr.value_size.max(1), Errno::E2BIG)
}

fn devmap(map_type: MapType, attr: &MapCreate) -> Checked {
    let known = NUMA_NODE | flags::RDONLY | flags::WRONLY;
    let sound = attr.max_entries != 0
        && attr.key_size == 4
        && matches!(attr.value_size, 4 | 8)
        && attr.map_flags & !known == 0
        && (map_type == MapType::Devmap || buckets_ok(attr.max_entries));
    require(sound, Errno::EINVAL)
}

fn local_storage(attr: &MapCreate) -> Checked {
    let sound = attr.map_flags & !(flags::NO_PREALLOC | flags::CLONE) == 0
        && has(attr, flags::NO_PREALLOC)
        && attr.max_entries == 0
        && attr.key_size == 4
        && attr.value_size != 0
        && attr.btf_key_type_id.is_some()
        && attr.btf_value_type_id.is_some();
    require(sound, Errno::EINVAL)?;
    require(attr.value_size <= flags::LOCAL_STORAGE_MAX, Errno::E2BIG)
}

fn stack_trace(attr: &MapCreate) -> Checked {
    let known = NUMA_NODE | flags::RDONLY | flags::WRONLY | flags::STACK_BUILD_ID;
    let size = attr.value_size;
    // sizeof(struct bpf_stack_build_id) is 32.
    let frame = if has(attr, flags::STACK_BUILD_ID) { 32 } else { 8 };
    let sound = attr.map_flags & !known == 0
        && attr.max_entries != 0
        && attr.key_size == 4
        && size >= 8
        && size.is_multiple_of(8)
        && size.is_multiple_of(frame)
        && size / frame <= flags::PERF_MAX_STACK;
    require(sound, Errno::EINVAL)?;
    require(buckets_ok(attr.max_entries), Errno::E2BIG)
}

fn lpm_trie(attr: &MapCreate) -> Checked {
    // A key is a 4-byte prefix length and 1 to 256 bytes of data.
    let sound = attr.max_entries != 0
        && has(attr, flags::NO_PREALLOC)
        && flags_ok(attr, flags::NO_PREALLOC | NUMA_NODE | ACCESS_MASK)
        && (5..=260).contains(&attr.key_size)
        && attr.value_size != 0
        && u64::from(attr.value_size) <= KMALLOC_MAX - 256 - flags::LPM_NODE;
    require(sound, Errno::EINVAL)
}

/// What both socket maps ask.
fn sockets(attr: &MapCreate) -> bool {
    let known = NUMA_NODE | flags::RDONLY | flags::WRONLY;
    attr.max_entries != 0 && matches!(attr.value_size, 4 | 8) && attr.map_flags & !known == 0
}

fn cgroup_storage(map_type: MapType, attr: &MapCreate, demands: Demands) -> Checked {
    let percpu = map_type == MapType::PercpuCgroupStorage;
    let most = if percpu {
        PERCPU_MAX as u32
    } else {
        flags::LOCAL_STORAGE_MAX
    };
    // A key is an inode number, or sizeof(struct bpf_cgroup_storage_key).
    require(matches!(attr.key_size, 8 | 16), Errno::EINVAL)?;
    require(attr.value_size != 0, Errno::EINVAL)?;
    let most = demands.cgroup_value.map_or(most, |limit| limit.min(most));
    require(attr.value_size <= most, Errno::E2BIG)?;
    let sound = flags_ok(attr, NUMA_NODE | ACCESS_MASK) && attr.max_entries == 0;
    require(sound, Errno::EINVAL)
}

fn arena(attr: &MapCreate) -> Checked {
    let known = flags::SEGV_ON_FAULT | flags::MMAPABLE | flags::NO_USER_CONV;
    let sound = attr.key_size == 0
        && attr.value_size == 0
        && attr.max_entries != 0
        && has(attr, flags::MMAPABLE)
        && attr.map_flags & !known == 0
        && attr.map_extra.is_multiple_of(u64::from(PAGE_SIZE));
    require(sound, Errno::EINVAL)?;
    let bytes = u64::from(attr.max_entries) * u64::from(PAGE_SIZE);
    require(bytes <= 1 << 32, Errno::E2BIG)?;
    let last = attr.map_extra.wrapping_add(bytes - 1);
    require(attr.map_extra >> 32 == last >> 32, Errno::ERANGE)
}
