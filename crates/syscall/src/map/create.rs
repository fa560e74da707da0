//! `BPF_MAP_CREATE`: the checks in the order of `map_create` of `kernel/bpf/syscall.c`, for a caller that
//! holds `CAP_BPF`.

use std::sync::Arc;

use verdict_btf::{Btf, Kind, Type, TypeId};
use verdict_kernel::attr::{MapCreate, object_name_bytes};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::{Broken, By, Rule};
use verdict_kernel::{Capabilities, Kernel};

use super::{Map, alloc, flags, meta};
use crate::btf::ProgBtf;
use crate::fields::Fields;
use crate::memory::{Pages, Process};
use crate::record::{FieldMask, Record};
use crate::struct_ops;

/// The special fields that a map value may have.
const VALUE_FIELDS: FieldMask = FieldMask(
    FieldMask::LOCK.0
        | FieldMask::TIMER.0
        | FieldMask::KPTR.0
        | FieldMask::LIST_HEAD.0
        | FieldMask::RB_ROOT.0
        | FieldMask::REFCOUNT.0
        | FieldMask::WORKQUEUE.0
        | FieldMask::TASK_WORK.0,
);

/// Makes a map.
///
/// `btf` is what the kernel made of `attr.btf`, `inner` the map that `attr.inner_map` names; `None` stands for
/// a descriptor that is none.
///
/// # Errors
/// The errno of the system call, and the rule.
pub fn map_create(
    kernel: &Kernel,
    attr: &MapCreate,
    btf: Option<&Arc<ProgBtf>>,
    inner: Option<&Map>,
) -> Result<Map, Broken> {
    let (map, _) = create_by(&mut Process::new(kernel), kernel, attr, btf, inner)?;
    Ok(map)
}

/// The same for a process that has locked memory already, and may not do everything; with what the map is charged.
pub(crate) fn create_by(
    process: &mut Process,
    kernel: &Kernel,
    attr: &MapCreate,
    btf: Option<&Arc<ProgBtf>>,
    inner: Option<&Map>,
) -> Result<(Map, Pages), Broken> {
    let map_type = check_attributes(kernel, attr).by(Rule::MapAttributes)?;
    alloc::check(kernel, map_type, attr).by(Rule::MapAttributes)?;
    check_capabilities(process.capabilities, map_type).by(Rule::MapAttributes)?;
    let inner = match map_type {
        MapType::ArrayOfMaps | MapType::HashOfMaps => {
            let meta = inner_map_meta(kernel, inner).by(Rule::InnerMap)?;
            Some(Arc::new(meta))
        }
        _ => None,
    };
    alloc::alloc(kernel, map_type, attr).by(Rule::MapAttributes)?;
    if map_type == MapType::StructOps {
        check_struct_ops(kernel, attr).by(Rule::MapAttributes)?;
    }
    let pages = process.memory.charge_map(kernel, map_type, attr)?;
    let made = describe(kernel, map_type, attr, btf, inner);
    if made.is_err() {
        process.memory.give_back(pages);
    }
    Ok((made?, pages))
}

/// Maps of sockets and devices are for those who administer networks.
fn check_capabilities(may: Capabilities, map_type: MapType) -> Result<(), Errno> {
    use MapType as M;
    let of_networks = matches!(
        map_type,
        M::Sockmap | M::Sockhash | M::Devmap | M::DevmapHash | M::Xskmap
    );
    match of_networks && !may.net_admin {
        true => Err(Errno::EPERM),
        false => Ok(()),
    }
}

/// Names a map and describes its types.
fn describe(
    kernel: &Kernel,
    map_type: MapType,
    attr: &MapCreate,
    btf: Option<&Arc<ProgBtf>>,
    inner: Option<Arc<Map>>,
) -> Result<Map, Broken> {
    let mut map = new_map(kernel, map_type, attr, inner);
    if !is_object_name(&attr.name) {
        return Err(Rule::MapAttributes.with(Errno::EINVAL));
    }
    let ids = [
        attr.btf_key_type_id,
        attr.btf_value_type_id,
        attr.btf_vmlinux_value_type_id,
    ];
    if ids.iter().any(Option::is_some) {
        // Without a BTF the descriptor is 0, which is open but no BTF.
        let btf = btf.ok_or(Rule::MapTypes.with(Errno::EINVAL))?;
        if let Some(value) = attr.btf_value_type_id {
            let fields = check_btf(kernel, &map, btf, (attr.btf_key_type_id, value))?;
            map.record = fields.record.map(Arc::new);
            map.unfit_fields = fields.unfit;
            map.value_type = Some(value);
        }
        map.btf = Some(Arc::clone(btf));
    }
    Ok(map)
}

/// What every type demands, before the type's own checks.
fn check_attributes(kernel: &Kernel, attr: &MapCreate) -> Result<MapType, Errno> {
    if !kernel.knows_map_flags(attr.map_flags) {
        return Err(Errno::EINVAL);
    }
    let (key, value) = (attr.btf_key_type_id, attr.btf_value_type_id);
    if attr.btf_vmlinux_value_type_id.is_some() {
        if attr.map_type != MapType::StructOps.raw() || key.is_some() || value.is_some() {
            return Err(Errno::EINVAL);
        }
    } else if key.is_some() && value.is_none() {
        return Err(Errno::EINVAL);
    }
    let takes_extra = [MapType::BloomFilter.raw(), MapType::Arena.raw()].contains(&attr.map_type);
    if !takes_extra && attr.map_extra != 0 {
        return Err(Errno::EINVAL);
    }
    let neither = flags::RDONLY | flags::WRONLY;
    if attr.map_flags & neither == neither {
        return Err(Errno::EINVAL);
    }
    // The profiles' machines have one node.
    if attr.map_flags & flags::NUMA_NODE != 0 && attr.numa_node != 0 {
        return Err(Errno::EINVAL);
    }
    match MapType::from_raw(attr.map_type) {
        Some(map_type) if kernel.supports_map_type(map_type) => Ok(map_type),
        _ => Err(Errno::EINVAL),
    }
}

/// A name of at most 15 letters, digits, `_` and `.`.
pub(crate) fn is_object_name(name: &str) -> bool {
    let bytes = object_name_bytes(name);
    // The kernel's letters are those of Latin-1.
    let is_letter = |byte: u8| matches!(byte, 0xc0..=0xff) && !matches!(byte, 0xd7 | 0xf7);
    let may_be = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || is_letter(*byte);
    bytes.len() < 16 && bytes.iter().all(may_be)
}

fn check_struct_ops(kernel: &Kernel, attr: &MapCreate) -> Result<(), Errno> {
    if attr.map_flags & flags::VTYPE_BTF_OBJ_FD != 0 {
        // Only a module's BTF is taken, and no module is loaded.
        return Err(Errno::EINVAL);
    }
    let id = attr.btf_vmlinux_value_type_id;
    match id.and_then(|id| struct_ops::find_value(kernel, id)) {
        None => Err(Errno::ENOTSUPP),
        Some(value) if value.size() != attr.value_size => Err(Errno::EINVAL),
        Some(_) => Ok(()),
    }
}

fn new_map(kernel: &Kernel, map_type: MapType, attr: &MapCreate, inner: Option<Arc<Map>>) -> Map {
    let mut flags = attr.map_flags & !(flags::RDONLY | flags::WRONLY | flags::TOKEN_FD);
    if matches!(map_type, MapType::Devmap | MapType::DevmapHash) {
        // A look-up gives the address of the device's own index.
        flags |= flags::RDONLY_PROG;
    }
    let max_entries = match map_type {
        MapType::Hash
        | MapType::PercpuHash
        | MapType::LruHash
        | MapType::LruPercpuHash
        | MapType::HashOfMaps => alloc::hash_entries(kernel, attr),
        _ => attr.max_entries,
    };
    Map {
        map_type,
        key_size: attr.key_size,
        value_size: attr.value_size,
        max_entries,
        flags,
        extra: attr.map_extra,
        name: attr.name.clone(),
        btf: None,
        ops_type: attr.btf_vmlinux_value_type_id,
        record: None,
        unfit_fields: Vec::new(),
        value_type: None,
        inner,
        frozen: false,
        contents: Vec::new(),
    }
}

/// What a map of maps keeps of the map that its elements must resemble (`bpf_map_meta_alloc`).
///
/// # Errors
/// `EINVAL` without one (descriptor 0 is open but no map) and when it is a map of maps itself, `ENOTSUPP` for
/// types that cannot be inside.
pub fn inner_map_meta(kernel: &Kernel, inner: Option<&Map>) -> Result<Map, Errno> {
    let inner = inner.ok_or(Errno::EINVAL)?;
    if inner.inner.is_some() {
        return Err(Errno::EINVAL);
    }
    if !meta::can_be_inner(inner.map_type) {
        return Err(Errno::ENOTSUPP);
    }
    let has_lock = inner
        .record
        .as_ref()
        .is_some_and(|record| record.has(FieldMask::LOCK));
    if has_lock && !kernel.map_demands().inner_locks {
        return Err(Errno::ENOTSUPP);
    }
    Ok(Map {
        map_type: inner.map_type,
        key_size: inner.key_size,
        value_size: inner.value_size,
        max_entries: inner.max_entries,
        flags: inner.flags,
        record: inner.record.clone(),
        unfit_fields: inner.unfit_fields.clone(),
        value_type: inner.value_type,
        ops_type: None,
        btf: inner.btf.clone(),
        extra: 0,
        name: String::new(),
        inner: None,
        frozen: false,
        contents: Vec::new(),
    })
}

/// The type that a map's key or value is, with its size (`btf_type_id_size`).
fn sized(btf: &Btf, id: TypeId) -> Option<(Type<'_>, u32)> {
    let named = btf.ty(id)?;
    let ty = match named.kind() {
        Kind::Void | Kind::Fwd | Kind::Func | Kind::FuncProto | Kind::DeclTag => return None,
        Kind::Var => btf.skip_mods_and_typedefs(named.target())?,
        _ => btf.skip_mods_and_typedefs(id)?,
    };
    let size = match ty.kind() {
        Kind::Array => btf.resolve(ty.id())?.size,
        Kind::Ptr => 8,
        kind if kind.has_size() => ty.size(),
        _ => return None,
    };
    Some((ty, size))
}

/// `map_check_btf`: the sizes of key and value, the value's special fields, and the type's own demands.
fn check_btf(
    kernel: &Kernel,
    map: &Map,
    btf: &Arc<ProgBtf>,
    (key, value): (Option<TypeId>, TypeId),
) -> Result<ValueFields, Broken> {
    let types = &*btf.btf;
    let rule = key_rule(map.map_type);
    let misfit = Rule::MapTypes.with(Errno::EINVAL);
    let key = if let Some(key) = key {
        let (key, size) = sized(types, key).ok_or(misfit)?;
        if size != map.key_size {
            return Err(misfit);
        }
        Some(key)
    } else if rule == KeyRule::Any {
        return Err(misfit);
    } else {
        None
    };
    let (value, size) = sized(types, value).ok_or(misfit)?;
    if size != map.value_size {
        return Err(misfit);
    }
    let apart = kernel.btf_rules().fields_apart;
    let fields = if apart {
        fields_apart(kernel, map, types, value).by(Rule::SpecialFieldLayout)?
    } else {
        // What makes a record invalid is not looked at here: such a map is one without special fields.
        let record = Fields::new(kernel, types, VALUE_FIELDS).parse(value, map.value_size);
        ValueFields {
            record: record.unwrap_or(None),
            unfit: Vec::new(),
        }
    };
    if let Some(record) = fields.record.as_ref().filter(|_| !apart) {
        check_record(kernel, map, record).by(Rule::SpecialFieldLayout)?;
        btf.check_graph_roots(record).by(Rule::SpecialFieldLayout)?;
    }
    check_key(map, rule, types, key, value).by(Rule::MapTypes)?;
    Ok(fields)
}

/// What was found of special fields in a map's value, as [`Map`] has it.
struct ValueFields {
    record: Option<Record>,
    unfit: Vec<(FieldMask, Errno)>,
}

/// Which map types may have which special fields.
fn check_record(kernel: &Kernel, map: &Map, record: &Record) -> Result<(), Errno> {
    if map.flags & (flags::RDONLY_PROG | flags::WRONLY_PROG) != 0 {
        return Err(Errno::EACCES);
    }
    let kinds = [
        FieldMask::LOCK,
        FieldMask::TIMER | FieldMask::WORKQUEUE | FieldMask::TASK_WORK,
        FieldMask::KPTR | FieldMask::REFCOUNT,
        FieldMask::GRAPH_ROOT,
    ];
    let mut found = kinds.into_iter().filter(|kinds| record.has(*kinds));
    if found.all(|kinds| may_have(kernel, map.map_type, kinds)) {
        Ok(())
    } else {
        Err(Errno::EOPNOTSUPP)
    }
}

/// Whether maps of this type may have special fields of kinds that are allowed alike.
fn may_have(kernel: &Kernel, map_type: MapType, kinds: FieldMask) -> bool {
    use MapType as M;
    if FieldMask::LOCK.has(kinds) {
        return matches!(
            map_type,
            M::Hash
                | M::Array
                | M::CgroupStorage
                | M::SkStorage
                | M::InodeStorage
                | M::TaskStorage
                | M::CgrpStorage
        );
    }
    if (FieldMask::KPTR | FieldMask::REFCOUNT).has(kinds) {
        return kernel.keeps_kptrs(map_type);
    }
    matches!(map_type, M::Hash | M::LruHash | M::Array)
}

/// The special fields of a value for kernels that look for each kind by itself: what is wrong with one kind, or with
/// what the map is for, does not touch the others.
fn fields_apart(kernel: &Kernel, map: &Map, btf: &Btf, value: Type<'_>) -> Result<ValueFields, Errno> {
    let (no_write, no_access) = (flags::RDONLY_PROG, flags::RDONLY_PROG | flags::WRONLY_PROG);
    let (mut all, mut unfit_fields) = (Record::default(), Vec::new());
    for (kind, forbidden, unfit) in [
        (FieldMask::SPIN_LOCK, no_write, Errno::ENOTSUPP),
        (FieldMask::TIMER, no_write, Errno::EOPNOTSUPP),
        (FieldMask::KPTR, no_access, Errno::EOPNOTSUPP),
    ] {
        let found = match Fields::new(kernel, btf, kind).parse(value, map.value_size) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(errno) => {
                unfit_fields.push((kind, errno));
                continue;
            }
        };
        if map.flags & forbidden != 0 {
            return Err(Errno::EACCES);
        }
        if !may_have(kernel, map.map_type, kind) {
            return Err(unfit);
        }
        all.mask = all.mask | found.mask;
        all.fields.extend(found.fields);
    }
    all.fields.sort_by_key(|field| field.offset);
    Ok(ValueFields {
        record: (!all.fields.is_empty()).then_some(all),
        unfit: unfit_fields,
    })
}

/// A type's demand on how BTF describes its key (`map_check_btf` of its operations).
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyRule {
    /// A key must be described; anything will do (there is no operation).
    Any,
    /// BTF is refused.
    NoBtf,
    /// A 32-bit integer; an array of one element may instead have a data section without key.
    Array,
    /// Described.
    Present,
    /// Not described.
    Absent,
    /// A struct.
    Struct,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer or `struct bpf_cgroup_storage_key`.
    CgroupStorage,
    /// Whatever, or nothing.
    Free,
}

fn key_rule(map_type: MapType) -> KeyRule {
    match map_type {
        MapType::Array | MapType::PercpuArray => KeyRule::Array,
        MapType::Hash | MapType::PercpuHash | MapType::LruHash | MapType::LruPercpuHash => KeyRule::Present,
        MapType::PerfEventArray
        | MapType::CgroupArray
        | MapType::ArrayOfMaps
        | MapType::HashOfMaps
        | MapType::StackTrace
        | MapType::Cpumap
        | MapType::Devmap
        | MapType::DevmapHash
        | MapType::Sockmap
        | MapType::Sockhash
        | MapType::Xskmap => KeyRule::NoBtf,
        MapType::LpmTrie => KeyRule::Struct,
        MapType::BloomFilter => KeyRule::Absent,
        MapType::CgroupStorage | MapType::PercpuCgroupStorage => KeyRule::CgroupStorage,
        MapType::SkStorage | MapType::InodeStorage | MapType::TaskStorage | MapType::CgrpStorage => {
            KeyRule::Int32
        }
        MapType::Arena => KeyRule::Free,
        MapType::Unspec
        | MapType::ProgArray
        | MapType::ReuseportSockarray
        | MapType::Queue
        | MapType::Stack
        | MapType::StructOps
        | MapType::Ringbuf
        | MapType::UserRingbuf => KeyRule::Any,
    }
}

fn is_int(ty: Type<'_>, bits: u32) -> bool {
    ty.int().is_some_and(|int| int.bits == bits && int.offset == 0)
}

fn check_key(
    map: &Map,
    rule: KeyRule,
    btf: &Btf,
    key: Option<Type<'_>>,
    value: Type<'_>,
) -> Result<(), Errno> {
    let sound = match (rule, key) {
        (KeyRule::Any | KeyRule::Free, _) => true,
        (KeyRule::NoBtf, _) => return Err(Errno::ENOTSUPP),
        (KeyRule::Array, None) => {
            map.map_type == MapType::Array && map.max_entries == 1 && value.kind() == Kind::DataSec
        }
        (KeyRule::Array | KeyRule::Int32, Some(key)) => is_int(key, 32),
        (KeyRule::Present, key) => key.is_some(),
        (KeyRule::Absent, key) => key.is_none(),
        (KeyRule::Struct, Some(key)) => key.is_struct(),
        (KeyRule::CgroupStorage, Some(key)) if map.key_size == 8 => is_int(key, 64),
        (KeyRule::CgroupStorage, Some(key)) => is_cgroup_storage_key(btf, key),
        (KeyRule::Struct | KeyRule::Int32 | KeyRule::CgroupStorage, None) => false,
    };
    if sound { Ok(()) } else { Err(Errno::EINVAL) }
}

/// A struct of a 64-bit integer and a 32-bit one.
fn is_cgroup_storage_key(btf: &Btf, key: Type<'_>) -> bool {
    let is_member = |index: usize, offset: u32, size: u32| {
        let Some(member) = key.member(index) else {
            return false;
        };
        let Some((ty, _)) = sized(btf, member.ty) else {
            return false;
        };
        let Some(int) = ty.int() else { return false };
        let whole = key.kflag()
            || (int.offset == 0 && member.bit_offset.is_multiple_of(8) && int.bits.is_multiple_of(8));
        whole
            && member.bitfield_size == 0
            && member.bit_offset.div_ceil(8) == offset
            && int.bits.div_ceil(8) == size
    };
    key.is_struct() && key.vlen() == 2 && is_member(0, 0, 8) && is_member(1, 8, 4)
}
