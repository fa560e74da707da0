//! `BPF_F_*` flags of maps and the sizes that limit them (x86-64, 4 KiB pages).

/// Elements are allocated when they are written.
pub const NO_PREALLOC: u32 = 1 << 0;
/// An LRU list for each CPU.
pub const NO_COMMON_LRU: u32 = 1 << 1;
/// The NUMA node is given.
pub const NUMA_NODE: u32 = 1 << 2;
/// The descriptor cannot write.
pub const RDONLY: u32 = 1 << 3;
/// The descriptor cannot read.
pub const WRONLY: u32 = 1 << 4;
/// Stacks as build ids and offsets.
pub const STACK_BUILD_ID: u32 = 1 << 5;
/// No random hash seed.
pub const ZERO_SEED: u32 = 1 << 6;
/// Programs cannot write.
pub const RDONLY_PROG: u32 = 1 << 7;
/// Programs cannot read.
pub const WRONLY_PROG: u32 = 1 << 8;
/// Local storage follows a cloned socket.
pub const CLONE: u32 = 1 << 9;
/// Can be mapped by user space.
pub const MMAPABLE: u32 = 1 << 10;
/// Perf events stay when the map's descriptor is closed.
pub const PRESERVE_ELEMS: u32 = 1 << 11;
/// Inner maps may differ in `max_entries`.
pub const INNER_MAP: u32 = 1 << 12;
/// A struct_ops map that is attached by a link.
pub const LINK: u32 = 1 << 13;
/// The value's type is of a module's BTF.
pub const VTYPE_BTF_OBJ_FD: u32 = 1 << 15;
/// A token is given.
pub const TOKEN_FD: u32 = 1 << 16;
/// The arena raises a signal for a page that is not there.
pub const SEGV_ON_FAULT: u32 = 1 << 17;
/// The arena's pointers are not translated to user addresses.
pub const NO_USER_CONV: u32 = 1 << 18;
/// Who may read and write.
pub const ACCESS_MASK: u32 = RDONLY | WRONLY | RDONLY_PROG | WRONLY_PROG;

/// Bytes of a page.
pub const PAGE_SIZE: u32 = 4096;
/// The most that `kmalloc` gives.
pub(crate) const KMALLOC_MAX: u64 = 1 << 22;
/// The most that a per-CPU allocation gives.
pub(crate) const PERCPU_MAX: u64 = 32 << 10;
/// `sizeof(struct htab_elem)`.
pub(crate) const HTAB_ELEM: u64 = 48;
/// `sizeof(struct lpm_trie_node)`.
pub(crate) const LPM_NODE: u64 = 40;
/// `BPF_LOCAL_STORAGE_MAX_VALUE_SIZE`: 64 KiB less the element's header.
pub(crate) const LOCAL_STORAGE_MAX: u32 = 65535 - 128;
/// `kernel.perf_event_max_stack`.
pub(crate) const PERF_MAX_STACK: u32 = 127;
