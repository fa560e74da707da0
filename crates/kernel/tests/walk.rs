//! Walking into structs of the kernel and of programs.

use std::sync::LazyLock;

use verdict_btf::{FlexArrays, Kind, TypeId, Walked};
use verdict_kernel::Kernel;

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| Kernel::open("6.12").expect("the default profile"));

fn id(name: &str) -> TypeId {
    KERNEL.btf.find(name, Kind::Struct).expect(name)
}

fn offset(of: &str, member: &str) -> i32 {
    let ty = KERNEL.btf.ty(id(of)).expect(of);
    let member = ty.members().find(|m| m.name() == member).expect(member);
    member.byte_offset() as i32
}

/// In words what lies at an offset, or why nothing may be read there.
fn at(of: &str, off: i32, size: u32) -> String {
    let walk = match KERNEL.btf.struct_access(id(of), off, size, FlexArrays::All, true) {
        Ok(walk) => walk,
        Err(refused) => return refused.message,
    };
    let trust = if walk.through_union { "?" } else { "" };
    match walk.found {
        Walked::Scalar | Walked::PlainPtr | Walked::Struct(_) => "scalar".to_owned(),
        Walked::Ptr { target, field, tag } => {
            let tag = tag.unwrap_or("");
            format!("{field} -> {tag}{} {trust}", KERNEL.btf.type_name(target))
        }
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
        format!("cannot access ptr member mm with moff {mm} in struct task_struct with off {mm} size 4")
    );
    let comm = task("comm");
    assert_eq!(at("task_struct", comm + 8, 8), "scalar");
    assert_eq!(
        at("task_struct", comm + 12, 8),
        format!(
            "access beyond the end of member comm (mend:{}) in struct task_struct with off {} size 8",
            comm + 16,
            comm + 12
        )
    );
    // The end is computed with 32 bits, and is not beyond the struct.
    assert_eq!(
        at("task_struct", -8, 8),
        "struct task_struct doesn't have field at offset -8"
    );
}

#[test]
fn a_union_is_not_trusted() {
    // sk_buff begins with a union of list links and other things.
    assert_eq!(at("sk_buff", 0, 8), "next -> sk_buff ?");
}

#[test]
fn a_flexible_array_goes_on() {
    let dirent = id("linux_dirent64");
    let beyond = KERNEL.btf.ty(dirent).expect("the struct").size() as i32 + 100;
    assert!(
        KERNEL
            .btf
            .struct_access(dirent, beyond, 1, FlexArrays::All, true)
            .is_ok()
    );
    assert!(
        KERNEL
            .btf
            .struct_access(dirent, beyond, 1, FlexArrays::None, true)
            .is_err()
    );
}

#[test]
fn the_first_member_serves_as_its_struct() {
    let (tcp, sock, file) = (id("tcp_sock"), id("sock"), id("file"));
    let btf = &*KERNEL.btf;
    let is = |have, off, need, strict| {
        btf.find_embedded(have, off, (btf, need), strict, FlexArrays::All)
            .is_ok()
    };
    assert!(is(tcp, 0, sock, false));
    assert!(!is(tcp, 0, sock, true));
    assert!(is(tcp, 0, tcp, true));
    assert!(!is(tcp, 8, sock, false));
    assert!(!is(tcp, 0, file, false));
}
