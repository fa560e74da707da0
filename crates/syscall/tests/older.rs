//! What an older kernel refuses, and how it looks for special fields.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::{Arc, LazyLock};

use verdict_btf::build::Builder;
use verdict_btf::{Btf, IntEncoding, TypeId};
use verdict_isa::Insn;
use verdict_kernel::Kernel;
use verdict_kernel::attr::{MapCreate, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_syscall::attach::check_attach_btf_id;
use verdict_syscall::map::{Map, map_create};
use verdict_syscall::prog::{LoadError, flags};
use verdict_syscall::{FieldMask, Prog, ProgBtf, Silent};

static OLDER: LazyLock<Kernel> = LazyLock::new(|| Kernel::open("6.1").unwrap());

fn load(prog_type: ProgType, attach_type: AttachType, prog_flags: u32) -> Result<Prog, LoadError> {
    let attr = ProgLoad {
        name: "p".to_owned(),
        prog_type: prog_type.raw(),
        expected_attach_type: attach_type.raw(),
        insns: vec![Insn::from_bytes([0x95, 0, 0, 0, 0, 0, 0, 0])],
        license: "GPL".to_owned(),
        prog_flags,
        ..ProgLoad::default()
    };
    Prog::load(&OLDER, &attr, None, Arc::new([]), None)
}

#[test]
fn programs() {
    let xdp = |flags| load(ProgType::Xdp, AttachType::Xdp, flags).is_ok();
    assert!(xdp(flags::XDP_HAS_FRAGS) && !xdp(flags::TEST_REG_INVARIANTS) && !xdp(flags::XDP_DEV_BOUND_ONLY));
    let address = |attach| load(ProgType::CgroupSockAddr, attach, 0).is_ok();
    assert!(address(AttachType::CgroupInet4Connect) && !address(AttachType::CgroupUnixConnect));
    assert!(load(ProgType::Netfilter, AttachType::Netfilter, 0).is_err());
    let says = |prog_type, attach| {
        let prog = load(prog_type, attach, flags::SLEEPABLE).unwrap();
        check_attach_btf_id(&OLDER, &prog, false, &mut Silent)
            .unwrap_err()
            .text
    };
    assert_eq!(
        says(ProgType::Xdp, AttachType::Xdp),
        "Only fentry/fexit/fmod_ret, lsm, and kprobe/uprobe programs can be sleepable\n"
    );
    assert_eq!(
        says(ProgType::Lsm, AttachType::LsmCgroup),
        "BPF_LSM_CGROUP programs cannot be sleepable\n"
    );
}

/// A number, a lock and a pointer to a task by this tag, one more in an array: each where a pointer could be, as a search
/// for pointers demands of all members.
fn value(tag: &str) -> (Arc<Btf>, TypeId, TypeId) {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let lock = b.add_struct("bpf_spin_lock", 4, &[("val", int, 0)]);
    let task = b.add_struct("task_struct", 4, &[("x", int, 0)]);
    let tagged = b.add_type_tag(tag, task);
    let pointer = b.add_ptr(tagged);
    let array = b.add_array(int, pointer, 1);
    let members = [
        ("n", int, 0),
        ("lock", lock, 8),
        ("a", pointer, 16),
        ("b", array, 24),
    ];
    let value = b.add_struct("value", 32, &members);
    (Arc::new(b.build().unwrap()), int, value)
}

fn create(map_type: MapType, tag: &str) -> Result<Map, Errno> {
    let (btf, key, value) = value(tag);
    let loaded = Arc::new(ProgBtf::load(&OLDER, &btf).unwrap());
    let attr = MapCreate {
        map_type: map_type.raw(),
        key_size: 4,
        value_size: 32,
        max_entries: 1,
        name: "m".to_owned(),
        btf: Some(btf),
        btf_key_type_id: Some(key),
        btf_value_type_id: Some(value),
        ..MapCreate::default()
    };
    map_create(&OLDER, &attr, Some(&loaded), None).map_err(|broken| broken.errno)
}

#[test]
fn fields() {
    let found = |tag| create(MapType::Hash, tag).unwrap().record.unwrap();
    let kptr = found("kptr");
    let offsets: Vec<u32> = kptr.fields.iter().map(|field| field.offset).collect();
    // Nothing is looked for in the array.
    assert_eq!(offsets, [8, 16]);
    assert!(kptr.has(FieldMask::KPTR) && kptr.has(FieldMask::SPIN_LOCK));
    // Tasks cannot be given back, and what a tag means that came later is not known: the lock stays.
    for tag in ["kptr_ref", "kptr_untrusted"] {
        assert!(
            !found(tag).has(FieldMask::KPTR) && found(tag).has(FieldMask::SPIN_LOCK),
            "{tag}"
        );
    }
    assert_eq!(create(MapType::LruHash, "kptr").err(), Some(Errno::ENOTSUPP));
    assert_eq!(create(MapType::SkStorage, "kptr").err(), Some(Errno::EINVAL));
}

#[test]
fn maps() {
    let create = |map_type: MapType, flags| {
        let attr = MapCreate {
            map_type: map_type.raw(),
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            map_flags: flags,
            name: "m".to_owned(),
            ..MapCreate::default()
        };
        map_create(&OLDER, &attr, None, None).is_ok()
    };
    assert!(create(MapType::Hash, 0) && !create(MapType::CgrpStorage, 1) && !create(MapType::Arena, 0));
    // A token cannot be given yet.
    assert!(!create(MapType::Hash, 1 << 16));
}

#[test]
fn sections_are_called_like_variables() {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let var = b.add_var("x", verdict_btf::VarLinkage::Static, int);
    let place = verdict_btf::build::Placement {
        ty: var,
        offset: 0,
        size: 4,
    };
    b.add_datasec("?.data", 4, &[place]);
    let btf = Arc::new(b.build().unwrap());
    let refused = ProgBtf::load(&OLDER, &btf).unwrap_err();
    assert!(refused.text.ends_with("Invalid name\n"), "{}", refused.text);
}
