//! Special fields of structs and map values.

use std::sync::{Arc, LazyLock};

use verdict_btf::build::Builder;
use verdict_btf::{IntEncoding, Kind, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::attr::MapCreate;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_syscall::map::{Map, map_create};
use verdict_syscall::{FieldKind, FieldMask, KptrKind, ProgBtf, TypeRef};

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| Kernel::open("6.12").expect("the default profile"));

/// A BTF with `int` and the special structs.
struct Types {
    b: Builder,
    int: TypeId,
    lock: TypeId,
    head: TypeId,
    list_node: TypeId,
    rb_node: TypeId,
    refcount: TypeId,
}

fn types() -> Types {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let long = b.add_int("long", 8, IntEncoding::SIGNED);
    let words = |b: &mut Builder, name: &str, n: u32| {
        let array = b.add_array(int, long, n);
        b.add_struct(name, n * 8, &[("opaque", array, 0)])
    };
    let lock = b.add_struct("bpf_spin_lock", 4, &[("val", int, 0)]);
    let refcount = b.add_struct("bpf_refcount", 4, &[("opaque", int, 0)]);
    let head = words(&mut b, "bpf_list_head", 2);
    let list_node = words(&mut b, "bpf_list_node", 3);
    let rb_node = words(&mut b, "bpf_rb_node", 4);
    Types {
        b,
        int,
        lock,
        head,
        list_node,
        rb_node,
        refcount,
    }
}

fn load(b: Builder) -> Result<ProgBtf, Errno> {
    let btf = Arc::new(b.build().expect("well-formed BTF"));
    ProgBtf::load(&KERNEL, &btf).map_err(|rejection| rejection.errno)
}

fn pointer(b: &mut Builder, tag: &str, to: TypeId) -> TypeId {
    let tagged = b.add_type_tag(tag, to);
    b.add_ptr(tagged)
}

fn array_of(
    btf: &Arc<ProgBtf>,
    map_type: MapType,
    key: TypeId,
    value: TypeId,
    size: u32,
) -> Result<Map, Errno> {
    let attr = MapCreate {
        map_type: map_type.raw(),
        key_size: 4,
        value_size: size,
        max_entries: 1,
        btf: Some(Arc::clone(&btf.btf)),
        btf_key_type_id: Some(key),
        btf_value_type_id: Some(value),
        ..MapCreate::default()
    };
    map_create(&KERNEL, &attr, Some(btf), None).map_err(|broken| broken.errno)
}

#[test]
fn lists_and_their_elements() {
    let mut t = types();
    let elem =
        t.b.add_struct("elem", 32, &[("data", t.int, 0), ("node", t.list_node, 8)]);
    let value =
        t.b.add_struct("value", 24, &[("lock", t.lock, 0), ("head", t.head, 8)]);
    t.b.add_decl_tag("contains:elem:node", value, Some(1));
    let btf = Arc::new(load(t.b).expect("accepted"));
    let record = btf.record(elem).expect("a struct with a node");
    assert_eq!(record.mask, FieldMask::LIST_NODE);
    let map = array_of(&btf, MapType::Array, t.int, value, 24).expect("a map");
    let record = map.record.expect("special fields");
    assert_eq!((record.spin_lock_off(), record.timer_off()), (Some(0), None));
    let root = record
        .find(8, FieldMask::GRAPH_ROOT)
        .and_then(|field| field.kind.graph_root());
    assert_eq!(root.map(|root| (root.value, root.node_offset)), Some((elem, 8)));
    assert!(record.find(8, FieldMask::SPIN_LOCK).is_none());
    let percpu = array_of(&btf, MapType::PercpuArray, t.int, value, 24);
    assert_eq!(percpu.err(), Some(Errno::EOPNOTSUPP));
}

#[test]
fn a_root_needs_a_tag_a_lock_and_an_element() {
    let build = |tag: &str, lock: bool| {
        let mut t = types();
        t.b.add_struct("elem", 32, &[("data", t.int, 0), ("node", t.list_node, 8)]);
        let first = if lock {
            ("lock", t.lock, 0)
        } else {
            ("pad", t.int, 0)
        };
        let value = t.b.add_struct("value", 24, &[first, ("head", t.head, 8)]);
        t.b.add_decl_tag(tag, value, Some(1));
        load(t.b).err()
    };
    assert_eq!(build("contains:elem:node", true), None);
    assert_eq!(build("contains:elem:node", false), Some(Errno::EINVAL));
    assert_eq!(build("contains:elem:data", true), Some(Errno::EINVAL));
    assert_eq!(build("contains:elem:none", true), Some(Errno::ENOENT));
    assert_eq!(build("contains:none:node", true), Some(Errno::ENOENT));
    assert_eq!(build("contains:elem", true), Some(Errno::EINVAL));
    assert_eq!(build("holds:elem:node", true), Some(Errno::EINVAL));
}

#[test]
fn two_kinds_of_nodes_need_a_reference_count() {
    let build = |counted: bool| {
        let mut t = types();
        let last = if counted { t.refcount } else { t.int };
        let members = [("l", t.list_node, 0), ("r", t.rb_node, 24), ("count", last, 56)];
        t.b.add_struct("elem", 64, &members);
        load(t.b).err()
    };
    assert_eq!(build(true), None);
    assert_eq!(build(false), Some(Errno::EINVAL));
}

#[test]
fn a_list_cannot_hold_itself() {
    let mut t = types();
    let members = [
        ("lock", t.lock, 0),
        ("head", t.head, 8),
        ("node", t.list_node, 24),
    ];
    let elem = t.b.add_struct("elem", 48, &members);
    t.b.add_decl_tag("contains:elem:node", elem, Some(1));
    assert_eq!(load(t.b).err(), Some(Errno::ELOOP));
}

#[test]
fn kernel_pointers() {
    let mut t = types();
    let task = t.b.add_struct("task_struct", 4, &[("pid", t.int, 0)]);
    let file = t.b.add_struct("file", 4, &[("f", t.int, 0)]);
    let own = t.b.add_struct("only_here", 4, &[("x", t.int, 0)]);
    let ptrs = [
        pointer(&mut t.b, "kptr", task),
        pointer(&mut t.b, "kptr_untrusted", file),
        pointer(&mut t.b, "kptr", own),
        pointer(&mut t.b, "percpu_kptr", own),
    ];
    let members: Vec<_> = (0..).zip(ptrs).map(|(i, ptr)| ("p", ptr, i * 8)).collect();
    let value = t.b.add_struct("value", 32, &members);
    let btf = load(t.b).expect("accepted");
    let record = btf.record(value).expect("a struct with kptrs");
    let kernel = |name: &str| TypeRef::vmlinux(KERNEL.btf.find(name, Kind::Struct).expect(name));
    let kinds: Vec<_> = record.fields.iter().map(|field| field.kind).collect();
    let expected = [
        FieldKind::Kptr(KptrKind::Ref, kernel("task_struct")),
        FieldKind::Kptr(KptrKind::Unref, kernel("file")),
        FieldKind::Kptr(KptrKind::Ref, TypeRef::object(own)),
        FieldKind::Kptr(KptrKind::Percpu, TypeRef::object(own)),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_cannot_be_destroyed_cannot_be_owned() {
    let mut t = types();
    let file = t.b.add_struct("file", 4, &[("f", t.int, 0)]);
    let owned = pointer(&mut t.b, "kptr", file);
    t.b.add_struct("value", 8, &[("p", owned, 0)]);
    assert_eq!(load(t.b).err(), Some(Errno::ENOENT));
}

#[test]
fn arrays_of_kptrs_and_their_limit() {
    let build = |n: u32| {
        let mut t = types();
        let own = t.b.add_struct("only_here", 4, &[("x", t.int, 0)]);
        let ptr = pointer(&mut t.b, "kptr", own);
        let array = t.b.add_array(t.int, ptr, n);
        let value =
            t.b.add_struct("value", 8 + n * 8, &[("p", ptr, 0), ("more", array, 8)]);
        load(t.b).map(|btf| btf.record(value).map(|record| record.fields.len()))
    };
    assert_eq!(build(10), Ok(Some(11)));
    assert_eq!(build(11), Err(Errno::E2BIG));
}

#[test]
fn a_struct_has_one_lock() {
    let mut t = types();
    t.b.add_struct("value", 8, &[("a", t.lock, 0), ("b", t.lock, 4)]);
    assert_eq!(load(t.b).err(), Some(Errno::E2BIG));
}

#[test]
fn nesting_without_end_takes_no_time() {
    let mut t = types();
    let mut inner = t.b.add_struct("s0", 0, &[("x", t.int, 0)]);
    for i in 1..31 {
        inner = t.b.add_struct(
            &format!("s{i}"),
            0,
            &[("a", inner, 0), ("b", inner, 0), ("c", inner, 0)],
        );
    }
    let value =
        t.b.add_struct("value", 4, &[("lock", t.lock, 0), ("deep", inner, 4)]);
    let btf = Arc::new(t.b.build().expect("well-formed BTF"));
    let mut fields = verdict_syscall::fields::Fields::new(&KERNEL, &btf, FieldMask::SPIN_LOCK);
    let ty = btf.ty(value).expect("the struct");
    assert!(fields.parse(ty, 4).is_ok());
}
