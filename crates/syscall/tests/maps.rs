//! Creation of maps: the answers of `BPF_MAP_CREATE`, each rule of `kernel/bpf/*map*.c` once or more.

use std::sync::LazyLock;

use verdict_btf::Kind;
use verdict_kernel::Kernel;
use verdict_kernel::attr::MapCreate;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::Rule;
use verdict_syscall::map::{Map, flags as f, map_create};

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| Kernel::open("6.12").expect("the default profile"));

/// Type, key, value, entries, flags.
fn attr(map_type: MapType, key: u32, value: u32, entries: u32, flags: u32) -> MapCreate {
    MapCreate {
        map_type: map_type.raw(),
        key_size: key,
        value_size: value,
        max_entries: entries,
        map_flags: flags,
        name: "m".to_owned(),
        ..MapCreate::default()
    }
}

fn create(attr: &MapCreate) -> Result<Map, Errno> {
    map_create(&KERNEL, attr, None, None).map_err(|broken| broken.errno)
}

fn answer(map_type: MapType, key: u32, value: u32, entries: u32, flags: u32) -> Option<Errno> {
    create(&attr(map_type, key, value, entries, flags)).err()
}

#[test]
fn sizes_entries_and_flags() {
    use MapType as M;
    let (inval, e2big) = (Some(Errno::EINVAL), Some(Errno::E2BIG));
    let notsupp = Some(Errno::ENOTSUPP);
    let rows = [
        (M::Unspec, 4, 4, 1, 0, inval),
        (M::Array, 4, 8, 1, 0, None),
        (M::Array, 4, 0, 1, 0, inval),
        (M::Array, 8, 8, 1, 0, inval),
        (M::Array, 4, 8, 0, 0, inval),
        (M::Array, 4, 1 << 31, 1, 0, e2big),
        (M::Array, 4, 8, 1, f::RDONLY_PROG | f::MMAPABLE, None),
        (M::Array, 4, 8, 1, f::RDONLY_PROG | f::WRONLY_PROG, inval),
        (M::Array, 4, 8, 1, f::RDONLY | f::WRONLY, inval),
        (M::Array, 4, 8, 1, f::NO_PREALLOC, inval),
        (M::Array, 4, 8, 1, f::PRESERVE_ELEMS, inval),
        (M::PercpuArray, 4, 8, 1, f::MMAPABLE, inval),
        (M::PercpuArray, 4, 32768, 1, 0, None),
        (M::PercpuArray, 4, 32769, 1, 0, e2big),
        (M::PerfEventArray, 4, 4, 2, f::PRESERVE_ELEMS, None),
        (M::PerfEventArray, 4, 8, 2, 0, inval),
        (M::ProgArray, 4, 4, 2, 0, None),
        (M::ProgArray, 4, 4, 2, f::RDONLY_PROG, inval),
        (M::Hash, 4, 8, 1, 0, None),
        (M::Hash, 4, 0, 1, 0, inval),
        (M::Hash, 0, 8, 1, 0, inval),
        (M::Hash, 4, 8, 1, f::NO_COMMON_LRU, inval),
        (M::Hash, 4, (1 << 22) - 48 - 4, 1, 0, e2big),
        (M::Hash, 4, (1 << 22) - 48 - 5, 1, 0, None),
        (M::Hash, 4, 8, u32::MAX, f::NO_PREALLOC, e2big),
        (M::LruHash, 4, 8, 1, f::NO_PREALLOC, notsupp),
        (M::LruHash, 4, 8, 1, f::NO_COMMON_LRU, None),
        (M::PercpuHash, 4, 32769, 1, 0, e2big),
        (M::PercpuHash, 4, 8, 1, f::NUMA_NODE, inval),
        (M::StackTrace, 4, 8 * 127, 1, 0, None),
        (M::StackTrace, 4, 8 * 128, 1, 0, inval),
        (M::StackTrace, 4, 4, 1, 0, inval),
        (M::StackTrace, 4, 40, 1, f::STACK_BUILD_ID, inval),
        (M::StackTrace, 4, 64, 1, f::STACK_BUILD_ID, None),
        (M::LpmTrie, 8, 8, 1, f::NO_PREALLOC, None),
        (M::LpmTrie, 8, 8, 1, 0, inval),
        (M::LpmTrie, 4, 8, 1, f::NO_PREALLOC, inval),
        (M::LpmTrie, 261, 8, 1, f::NO_PREALLOC, inval),
        (M::Sockmap, 4, 8, 1, 0, None),
        (M::Sockmap, 4, 16, 1, 0, inval),
        (M::Sockhash, 513, 4, 1, 0, e2big),
        (M::Sockhash, 512, 4, 1, 0, None),
        (M::Cpumap, 4, 4, 8192, 0, None),
        (M::Cpumap, 4, 4, 8193, 0, e2big),
        (M::Devmap, 4, 8, 1, 0, None),
        (M::Devmap, 4, 6, 1, 0, inval),
        (M::Xskmap, 4, 4, 1, 0, None),
        (M::ReuseportSockarray, 4, 8, 1, 0, None),
        (M::ReuseportSockarray, 4, 2, 1, 0, inval),
        (M::CgroupStorage, 16, 8, 0, 0, None),
        (M::CgroupStorage, 16, 8, 1, 0, inval),
        (M::CgroupStorage, 12, 8, 0, 0, inval),
        (M::CgroupStorage, 8, 65536, 0, 0, e2big),
        (M::PercpuCgroupStorage, 8, 32769, 0, 0, e2big),
        (M::Queue, 0, 4, 1, 0, None),
        (M::Queue, 4, 4, 1, 0, inval),
        (M::Stack, 0, 4, 1 << 30, 0, e2big),
        (M::Ringbuf, 0, 0, 4096, 0, None),
        (M::Ringbuf, 0, 0, 4095, 0, inval),
        (M::Ringbuf, 0, 0, 2048, 0, inval),
        (M::UserRingbuf, 0, 0, 12288, 0, inval),
        (M::BloomFilter, 0, 4, 1, 0, None),
        (M::BloomFilter, 4, 4, 1, 0, inval),
        (M::Arena, 0, 0, 10, f::MMAPABLE, None),
        (M::Arena, 0, 0, 10, 0, inval),
        (M::Arena, 0, 0, (1 << 20) + 1, f::MMAPABLE, e2big),
        (M::SkStorage, 4, 8, 0, f::NO_PREALLOC, inval),
        (M::StructOps, 4, 8, 1, 0, inval),
        (M::HashOfMaps, 4, 4, 1, 0, inval),
    ];
    for (map_type, key, value, entries, flags, expected) in rows {
        let row = (map_type, key, value, entries, flags);
        assert_eq!(answer(map_type, key, value, entries, flags), expected, "{row:?}");
    }
}

#[test]
fn sizes_are_those_of_the_kernel() {
    let size = |name: &str| {
        let id = KERNEL.btf.find(name, Kind::Struct).expect(name);
        KERNEL.btf.ty(id).expect(name).size()
    };
    assert_eq!(size("htab_elem"), 48);
    assert_eq!(size("lpm_trie_node"), 40);
    assert_eq!(size("bpf_local_storage_elem"), 128);
    assert_eq!(size("bpf_cgroup_storage_key"), 16);
}

#[test]
fn extra_and_names() {
    let with_extra = |map_type, extra| {
        let flags = if map_type == MapType::Arena {
            f::MMAPABLE
        } else {
            0
        };
        let (key, value) = if map_type == MapType::Array {
            (4, 8)
        } else {
            (0, 0)
        };
        let value = if map_type == MapType::BloomFilter {
            8
        } else {
            value
        };
        let attr = MapCreate {
            map_extra: extra,
            ..attr(map_type, key, value, 1, flags)
        };
        create(&attr).err()
    };
    assert_eq!(with_extra(MapType::Array, 1), Some(Errno::EINVAL));
    assert_eq!(with_extra(MapType::BloomFilter, 15), None);
    assert_eq!(with_extra(MapType::BloomFilter, 16), Some(Errno::EINVAL));
    assert_eq!(with_extra(MapType::Arena, 1 << 44), None);
    assert_eq!(with_extra(MapType::Arena, 0x1001), Some(Errno::EINVAL));
    let named = |name: &str| {
        let attr = MapCreate {
            name: name.to_owned(),
            ..attr(MapType::Array, 4, 8, 1, 0)
        };
        create(&attr).err()
    };
    assert_eq!(named(".rodata.str1.1"), None);
    assert_eq!(named("a-b"), Some(Errno::EINVAL));
    assert_eq!(named("sixteen_letters_"), Some(Errno::EINVAL));
}

#[test]
fn maps_of_maps() {
    let array = create(&attr(MapType::Array, 4, 8, 2, 0)).expect("an array");
    let longer = create(&attr(MapType::Array, 4, 8, 3, 0)).expect("an array");
    let progs = create(&attr(MapType::ProgArray, 4, 4, 1, 0)).expect("a program array");
    let of = |inner: Option<&Map>| map_create(&KERNEL, &attr(MapType::ArrayOfMaps, 4, 4, 1, 0), None, inner);
    assert_eq!(of(None).err(), Some(Rule::InnerMap.with(Errno::EINVAL)));
    assert_eq!(of(Some(&progs)).err(), Some(Rule::InnerMap.with(Errno::ENOTSUPP)));
    let mut outer = of(Some(&array)).expect("a map of arrays");
    assert_eq!(of(Some(&outer)).err(), Some(Rule::InnerMap.with(Errno::EINVAL)));
    assert_eq!(outer.update_map(&[0; 4], &array), Ok(()));
    assert_eq!(outer.update_map(&[0; 4], &longer), Err(Errno::EINVAL));
    assert_eq!(outer.update_map(&[1, 0, 0, 0], &array), Err(Errno::E2BIG));
}

#[test]
fn constants() {
    let mut map = create(&attr(MapType::Array, 4, 6, 1, f::RDONLY_PROG)).expect("an array");
    assert!(!map.is_rdonly());
    assert_eq!(map.update(&[0; 4], b"ab\xff\xfe\0c"), Ok(()));
    assert_eq!(map.freeze(), Ok(()));
    assert_eq!(map.freeze(), Err(Errno::EBUSY));
    assert_eq!(map.update(&[0; 4], &[0; 6]), Err(Errno::EPERM));
    assert!(map.is_rdonly() && map.prog_can_read() && !map.prog_can_write());
    assert_eq!(map.read_constant(0, 2, false), Ok(0x6261));
    assert_eq!(map.read_constant(2, 2, false), Ok(0xfeff));
    assert_eq!(map.read_constant(2, 2, true), Ok(0xffff_ffff_ffff_feff));
    assert_eq!(map.read_constant(0, 8, false), Ok(0x6300_feff_6261));
    assert_eq!(map.read_constant(6, 1, false), Err(Errno::EINVAL));
    assert_eq!(map.read_constant(0, 3, false), Err(Errno::EINVAL));
    assert_eq!(map.read_c_string(0), Some(b"ab\xff\xfe".to_vec()));
    assert_eq!(map.read_c_string(5), None);
    let two = create(&attr(MapType::Array, 4, 8, 2, 0)).expect("an array");
    assert_eq!(two.direct_value_addr(0), Err(Errno::ENOTSUPP));
}

#[test]
fn devmaps_are_read_only_for_programs() {
    let map = create(&attr(MapType::Devmap, 4, 4, 1, f::RDONLY)).expect("a devmap");
    assert_eq!(map.flags, f::RDONLY_PROG);
}

#[test]
fn lru_lists_even_out_the_elements() {
    let map = create(&attr(MapType::LruHash, 4, 4, 3, f::NO_COMMON_LRU)).expect("a hash");
    assert_eq!(map.max_entries, 4);
}
