//! Walking into structs of the kernel and of programs.

use std::sync::{Arc, LazyLock};

use verdict_btf::build::Builder;
use verdict_btf::{IntEncoding, Kind};
use verdict_kernel::Kernel;
use verdict_syscall::walk::{Access, struct_access, struct_ids_match};
use verdict_syscall::{ProgBtf, TypeRef, TypeSpace};

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| Kernel::open("6.12").expect("the default profile"));

fn vmlinux(name: &str) -> TypeRef {
    TypeRef::vmlinux(KERNEL.btf.find(name, Kind::Struct).expect(name))
}

fn offset(of: &str, member: &str) -> i32 {
    let ty = KERNEL.btf.ty(vmlinux(of).id).expect(of);
    let member = ty.members().find(|m| m.name() == member).expect(member);
    member.byte_offset() as i32
}

/// In words what lies at an offset, or why nothing may be read there.
fn at(of: &str, off: i32, size: i32) -> String {
    let types = TypeSpace::new(&KERNEL, None);
    match struct_access(&types, vmlinux(of), off, size, false) {
        Ok(Access::Scalar) => "scalar".to_owned(),
        Ok(Access::Ptr { ty, flags, field }) => {
            format!("{field} -> {} {flags:?}", KERNEL.btf.type_name(ty.id))
        }
        Err(rejection) => rejection.text,
    }
}

#[test]
fn members_of_a_task() {
    let task = |member| offset("task_struct", member);
    assert_eq!(at("task_struct", task("pid"), 4), "scalar");
    assert_eq!(at("task_struct", task("mm"), 8), "mm -> mm_struct ");
    assert_eq!(
        at("task_struct", task("real_parent"), 8),
        "real_parent -> task_struct "
    );
    let mm = task("mm");
    assert_eq!(
        at("task_struct", mm, 4),
        format!("cannot access ptr member mm with moff {mm} in struct task_struct with off {mm} size 4\n")
    );
    let comm = task("comm");
    assert_eq!(at("task_struct", comm + 8, 8), "scalar");
    assert_eq!(
        at("task_struct", comm + 12, 8),
        format!(
            "access beyond the end of member comm (mend:{}) in struct task_struct with off {} size 8\n",
            comm + 16,
            comm + 12
        )
    );
    // The end is computed with 32 bits, and is not beyond the struct.
    assert_eq!(
        at("task_struct", -8, 8),
        "struct task_struct doesn't have field at offset -8
"
    );
}

#[test]
fn a_union_is_not_trusted() {
    // sk_buff begins with a union of list links and other things.
    assert_eq!(at("sk_buff", 0, 8), "next -> sk_buff UNTRUSTED");
}

#[test]
fn a_flexible_array_goes_on() {
    let types = TypeSpace::new(&KERNEL, None);
    let ty = vmlinux("linux_dirent64");
    let beyond = KERNEL.btf.ty(ty.id).expect("the struct").size() as i32 + 100;
    assert_eq!(struct_access(&types, ty, beyond, 1, false), Ok(Access::Scalar));
    assert!(struct_access(&types, ty, beyond, 1, true).is_err());
}

#[test]
fn the_first_member_serves_as_its_struct() {
    let types = TypeSpace::new(&KERNEL, None);
    let (tcp, sock, file) = (vmlinux("tcp_sock"), vmlinux("sock"), vmlinux("file"));
    let mut notes = String::new();
    let mut is =
        |have, off, need, strict| struct_ids_match(&types, &mut notes, have, off, need, strict, true);
    assert!(is(tcp, 0, sock, false));
    assert!(!is(tcp, 0, sock, true));
    assert!(is(tcp, 0, tcp, true));
    assert!(!is(tcp, 8, sock, false));
    assert!(!is(tcp, 0, file, false));
}

#[test]
fn special_fields_of_allocated_objects_stay_out_of_reach() {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let lock = b.add_struct("bpf_spin_lock", 4, &[("val", int, 0)]);
    let object = b.add_struct("object", 12, &[("a", int, 0), ("lock", lock, 4), ("b", int, 8)]);
    let btf = Arc::new(b.build().expect("well-formed BTF"));
    let loaded = Arc::new(ProgBtf::load(&KERNEL, &btf).expect("accepted"));
    let types = TypeSpace::new(&KERNEL, Some(&loaded));
    let read = |off, size| struct_access(&types, TypeRef::object(object), off, size, true);
    assert_eq!(read(0, 4), Ok(Access::Scalar));
    assert_eq!(read(8, 4), Ok(Access::Scalar));
    let denied = read(4, 4).expect_err("a lock");
    assert_eq!(denied.text, "direct access to bpf_spin_lock is disallowed\n");
    assert_eq!(read(2, 4).expect_err("overlaps").text, denied.text);
    assert_eq!(
        read(12, 4).expect_err("beyond").text,
        "access beyond struct object at off 12 size 4\n"
    );
}
