//! The tables against the kernel that comes with the crate.
//!
//! That kernel's symbols include those of its BTF id sets, in the order of their addresses: the name of
//! each set followed by its entries as written in the source.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Mutex;

use verdict_btf::Kind;

use super::*;
use crate::Kernel;
use crate::profile::{DRAFTS, every, tested};
use crate::types::RegBase;

fn kernel() -> Kernel {
    Kernel::open("6.12.117-deb12-amd64").unwrap()
}

/// The kfunc of this name of the base.
fn find(name: &str) -> Option<&'static Kfunc> {
    Tables::named("6.12.117").unwrap().kfunc(name)
}

/// Kind (`set`, `set8`) and name of a set of BTF ids, and the functions that follow.
type IdSet = (String, String, Vec<String>);

/// The sets of BTF ids of a kernel.
fn id_sets(k: &Kernel) -> Vec<IdSet> {
    static READ: Mutex<BTreeMap<String, Vec<IdSet>>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap();
    read.entry(k.name.clone())
        .or_insert_with(|| read_id_sets(k))
        .clone()
}

fn read_id_sets(k: &Kernel) -> Vec<IdSet> {
    let profiles = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    let packed = [profiles, DRAFTS]
        .into_iter()
        .find_map(|dir| std::fs::File::open(format!("{dir}/{}/kallsyms.zst", k.name)).ok());
    let mut text = String::new();
    let mut source = ruzstd::decoding::StreamingDecoder::new(packed.unwrap()).unwrap();
    source.read_to_string(&mut text).unwrap();
    let mut sets: Vec<IdSet> = Vec::new();
    for line in text.lines() {
        let Some(symbol) = line
            .split_whitespace()
            .nth(1)
            .and_then(|s| s.strip_prefix("__BTF_ID__"))
        else {
            continue;
        };
        let (kind, name) = symbol.split_once("__").unwrap();
        if kind.starts_with("set") {
            sets.push((kind.to_owned(), name.to_owned(), Vec::new()));
        } else if kind == "func" && !sets.is_empty() {
            let (name, _number) = name.rsplit_once("__").unwrap();
            sets.last_mut().unwrap().2.push(name.to_owned());
        }
    }
    sets
}

/// The entries of a set that is not one of kfuncs.
fn id_set(k: &Kernel, name: &str, len: usize) -> Vec<String> {
    // A kernel need not have such a set.
    let set = id_sets(k).into_iter().find(|(_, n, _)| n == name);
    let (_, _, mut funcs) = set.unwrap_or_default();
    funcs.truncate(len);
    funcs
}

fn caller(prog_type: ProgType, attach_type: AttachType) -> Caller<'static> {
    Caller {
        prog_type,
        hook: kernel().kfunc_hook(prog_type),
        attach_type: Some(attach_type),
        implements: None,
    }
}

const NO_ATTACH: AttachType = AttachType::CgroupInetIngress;

#[test]
fn sets_are_those_of_the_kernel() {
    for k in every() {
        let ids = id_sets(k);
        let of_kernel: Vec<_> = ids.iter().filter(|(kind, _, _)| kind == "set8").collect();
        let mut seen = 0;
        for (set, kfuncs) in sets_of(&k.tables.changes) {
            let kfuncs = kfuncs.iter().map(|(name, _)| *name);
            let mut names: Vec<&str> = kfuncs
                .filter(|name| k.btf.find(name, Kind::Func).is_some())
                .collect();
            let there = of_kernel.iter().find(|(_, name, _)| name == set.name);
            assert_eq!(there.is_some(), !names.is_empty(), "{} {}", k.name, set.name);
            let Some((_, _, funcs)) = there else { continue };
            let mut funcs: Vec<&str> = funcs.iter().take(names.len()).map(String::as_str).collect();
            names.sort_unstable();
            funcs.sort_unstable();
            assert_eq!(funcs, names, "{} {}", k.name, set.name);
            seen += 1;
        }
        assert_eq!(seen, of_kernel.len(), "{}", k.name);
    }
}

#[test]
fn special_kfuncs_are_those_of_the_kernel() {
    // Those of later kernels are not there.
    let here: Vec<Special> = Special::ALL
        .iter()
        .copied()
        .filter(|s| find(s.name()).is_some())
        .collect();
    let own_type: Vec<&str> = here
        .iter()
        .filter(|s| s.decides_own_type())
        .map(|s| s.name())
        .collect();
    let funcs = id_set(&kernel(), "special_kfunc_set", own_type.len() + here.len());
    let (mut set, list) = funcs.split_at(own_type.len());
    let mut set: Vec<&str> = std::mem::take(&mut set).iter().map(String::as_str).collect();
    // The kernel's list has the one that depends on an option last.
    let mut own_type = own_type;
    set.sort_unstable();
    own_type.sort_unstable();
    assert_eq!(set, own_type);
    assert_eq!(list, here.iter().map(|s| s.name()).collect::<Vec<_>>());
    assert!(here.iter().all(|s| find(s.name()).unwrap().special == Some(*s)));
}

#[test]
fn security_hooks_are_those_of_the_kernel() {
    for (tables, count, lens) in [
        ("6.12.117", 266, [12, 7, 3]),
        ("6.12.43", 263, [11, 7, 3]),
        ("6.18.15", 268, [11, 7, 3]),
        ("6.1.192", 239, [11, 0, 0]),
        ("5.10.262", 229, [0, 0, 0]),
    ] {
        let k = tested(tables);
        let lsm = k.lsm();
        let (_, _, hooks) = id_sets(k)
            .into_iter()
            .find(|(_, n, _)| n == "bpf_lsm_hooks")
            .unwrap();
        assert_eq!(hooks.len(), count, "{}", k.name);
        assert!(hooks.iter().all(|h| lsm.is_hook(h)), "{}", k.name);
        let having = |is: &dyn Fn(&str) -> bool| -> Vec<&String> {
            let mut found: Vec<&String> = hooks.iter().filter(|h| is(h)).collect();
            found.sort();
            found
        };
        for (set, is) in [
            (
                "bpf_lsm_disabled_hooks",
                &(|h: &str| lsm.is_disabled(h)) as &dyn Fn(&str) -> bool,
            ),
            ("sleepable_lsm_hooks", &|h: &str| lsm.is_sleepable(h)),
            ("untrusted_lsm_hooks", &|h: &str| !lsm.is_trusted(h)),
            ("bool_lsm_hooks", &|h: &str| lsm.return_range(h) == (0, 1)),
        ] {
            let ours = having(is);
            let mut theirs = id_set(k, set, ours.len());
            if k.tables.name == "5.10.262" && set == "sleepable_lsm_hooks" {
                theirs = id_set(k, "btf_sleepable_lsm_hooks", ours.len());
            }
            theirs.sort();
            assert_eq!(ours, theirs.iter().collect::<Vec<_>>(), "{} {set}", k.name);
        }
        // What the symbols cannot say is where a set ends; the next begins right behind these.
        for (set, len) in ["bpf_lsm_disabled_hooks", "untrusted_lsm_hooks", "bool_lsm_hooks"]
            .into_iter()
            .zip(lens)
        {
            assert_eq!(id_set(k, set, usize::MAX).len(), len, "{} {set}", k.name);
        }
    }
}

#[test]
fn attach_lists_are_those_of_the_kernel() {
    let k = kernel();
    for k in every() {
        for (set, is) in [
            (
                "btf_id_deny",
                &(|f: &str| k.is_denied_target(f)) as &dyn Fn(&str) -> bool,
            ),
            ("noreturn_deny", &|f: &str| k.is_no_return(f)),
        ] {
            let funcs = id_set(k, set, usize::MAX);
            let least = match (k.tables.name, set) {
                ("6.1.192", "btf_id_deny") => 2,
                ("6.1.192" | "5.10.262", _) => 0,
                _ => 4,
            };
            assert!(
                funcs.len() >= least && funcs.iter().all(|f| is(f)),
                "{} {set}: {funcs:?}",
                k.name
            );
        }
    }
    // Where there is no list, nothing is on it.
    let oldest = tested("5.10.262");
    assert!(!oldest.is_denied_target("migrate_disable") && !oldest.is_no_return("do_exit"));
    // This kernel was built without error injection.
    assert!(!k.is_error_injectable("__x64_sys_getpid"));
    assert!(k.is_sleepable_target("bpf_fentry_test1") && !k.is_sleepable_target("bpf_fentry_test2"));
    assert!(k.is_modifiable("bpf_modify_return_test") && k.is_modifiable("security_file_open"));
    assert!(!k.is_modifiable("vfs_read") && !k.is_modifiable("bpf_task_acquire"));
}

#[test]
fn destructors_take_what_they_destroy() {
    let k = kernel();
    for name in types::RCU_PROTECTED.iter().chain(&["prog_test_member"]) {
        let of = k.btf.find(name, Kind::Struct).unwrap();
        assert_eq!(
            k.btf
                .find_all(name)
                .iter()
                .filter(|t| k.btf.ty(**t).unwrap().is_struct())
                .count(),
            1
        );
        let dtor = types::destructor(&k.btf, name).unwrap();
        assert_eq!(k.btf.func_proto(dtor).unwrap().params().count(), 1);
        assert_eq!(k.btf.ty(of).unwrap().name(), *name);
    }
    assert_eq!(types::destructor(&k.btf, "sock"), None);
    let older = tested("6.1.192");
    let name = |of| types::destructor(&older.btf, of).map(|id| older.btf.type_name(id));
    assert_eq!(name("prog_test_ref_kfunc"), Some("bpf_kfunc_call_test_release"));
    assert_eq!(name("task_struct"), None);
}

#[test]
fn maps_are_structures_of_the_kernel() {
    let k = kernel();
    for map_type in crate::map::MapType::ALL {
        let Some(name) = types::map_struct(*map_type) else {
            continue;
        };
        assert!(k.btf.find(name, Kind::Struct).is_some(), "{name}");
    }
}

#[test]
fn safe_fields() {
    let k = kernel();
    let id = |name| k.btf.find(name, Kind::Struct).unwrap();
    let safe = |of, field, to, kind| types::is_safe_field(&k.btf, id(of), field, id(to), kind);
    assert!(safe(
        "task_struct",
        "real_parent",
        "task_struct",
        types::Safe::Rcu
    ));
    assert!(safe("task_struct", "cpus_ptr", "cpumask", types::Safe::Rcu));
    assert!(!safe("task_struct", "parent", "task_struct", types::Safe::Rcu));
    assert!(!safe(
        "task_struct",
        "real_parent",
        "task_struct",
        types::Safe::Trusted
    ));
    assert!(!safe("task_struct", "real_parent", "file", types::Safe::Rcu));
    assert!(safe("socket", "sk", "sock", types::Safe::TrustedOrNull));
    assert!(safe("sk_buff", "sk", "sock", types::Safe::RcuOrNull));
    assert!(safe("file", "f_inode", "inode", types::Safe::Trusted));
}

#[test]
fn iterators_have_the_arguments_of_the_kernel() {
    for k in every() {
        check_iterators(k);
    }
    assert!(kernel().iter_target("bpf_iter_num_new").is_none());
}

fn check_iterators(k: &Kernel) {
    let added = k.tables.changes.iterators.iter();
    let added = added.filter(|target| iter::TARGETS.iter().all(|t| t.name != target.name));
    // How many there are is counted in the end.
    let called = |target: &iter::IterTarget| format!("{}{}", iter::PREFIX, target.name);
    let funcs = iter::TARGETS.iter().chain(added).map(called);
    let targets: Vec<_> = funcs
        .filter_map(|func| Some((k.iter_target(&func)?, func)))
        .collect();
    for (target, func) in &targets {
        let ctx = k
            .btf
            .find(&format!("bpf_iter__{}", target.name), Kind::Struct)
            .unwrap();
        for arg in target.args {
            let mut members = k.btf.ty(ctx).unwrap().members();
            let member = members.find(|m| m.byte_offset() == arg.off).unwrap();
            // Each member is wrapped into an anonymous union of a pointer and 64 bits.
            let pointer = match member.type_().unwrap() {
                union if union.is_composite() => union.member(0).unwrap().ty,
                plain => plain.id(),
            };
            let name = k.btf.resolve_ptr(pointer).map(|t| t.name().to_owned());
            assert_eq!(
                arg.btf.map(str::to_owned),
                name.filter(|n| !n.is_empty()),
                "{func}"
            );
            assert_eq!(arg.btf.is_some(), arg.reg_type.base() == RegBase::BtfId);
        }
    }
    let contexts = k
        .btf
        .types()
        .filter(|t| t.is_struct() && t.name().starts_with("bpf_iter__"));
    // Others are no contexts but lists of trusted fields of some.
    let contexts = contexts.filter(|t| !t.name().contains("__safe_"));
    assert_eq!(contexts.count(), targets.len());
}

#[test]
fn implementable_structures() {
    let k = kernel();
    let mut known = Vec::new();
    for ops in struct_ops::STRUCT_OPS {
        let Some(ops) = k.struct_ops(ops.name) else {
            continue;
        };
        let ty = k.btf.ty(k.btf.find(ops.name, Kind::Struct).unwrap()).unwrap();
        for member in ops.members {
            let m = ty.members().find(|m| m.name() == *member).unwrap();
            assert!(k.btf.resolve_func_ptr(m.ty).is_some(), "{member}");
        }
        assert!(ops.nullable.iter().all(|(m, _)| ops.members.contains(m)));
        known.push(ops.name);
    }
    assert_eq!(known, ["tcp_congestion_ops", "bpf_dummy_ops"]);
    let dummy = k.struct_ops("bpf_dummy_ops").unwrap();
    assert_eq!(dummy.check_member("test_sleepable", true), Ok(()));
    assert_eq!(
        dummy.check_member("test_1", true),
        Err(struct_ops::MemberRefusal::Sleepable)
    );
    let tcp = k.struct_ops("tcp_congestion_ops").unwrap();
    assert_eq!(
        tcp.check_member("get_info", false),
        Err(struct_ops::MemberRefusal::Unsupported)
    );
    assert_eq!(tcp.check_member("init", true), Ok(()));
    let older = tested("6.1.192");
    let here = struct_ops::STRUCT_OPS
        .iter()
        .filter_map(|ops| older.struct_ops(ops.name));
    let here: Vec<_> = here.map(|ops| (ops.name, ops.nullable.len())).collect();
    assert_eq!(here, [("tcp_congestion_ops", 0), ("bpf_dummy_ops", 0)]);
}

#[test]
fn writes_to_kernel_structures() {
    let k = kernel();
    let tcp = k
        .write_rule(ProgType::StructOps, k.struct_ops("tcp_congestion_ops"))
        .unwrap();
    let id = |name| k.btf.find(name, Kind::Struct).unwrap();
    let says = |rule: &struct_ops::WriteRule, of, off, size| {
        rule.check(&k.btf, id(of), off, size)
            .map_err(|e| e.message.unwrap_or_default())
    };
    // Offsets of this kernel: snd_cwnd 1500, icsk_ca_priv 1344 to 1448.
    assert_eq!(says(tcp, "tcp_sock", 1500, 4), Ok(()));
    assert_eq!(says(tcp, "tcp_sock", 1400, 8), Ok(()));
    assert_eq!(says(tcp, "sock", 1500, 4), Err("only read is supported".into()));
    assert_eq!(
        says(tcp, "tcp_sock", 1501, 1),
        Err("no write support to tcp_sock at off 1501".into())
    );
    assert_eq!(
        says(tcp, "tcp_sock", 1500, 8),
        Err("write access at off 1500 with size 8 beyond the member of tcp_sock ended at 1504".into())
    );
    let dummy = k
        .write_rule(ProgType::StructOps, k.struct_ops("bpf_dummy_ops"))
        .unwrap();
    assert_eq!(says(dummy, "bpf_dummy_ops_state", 0, 4), Ok(()));
    assert_eq!(
        says(dummy, "bpf_dummy_ops_state", 0, 8),
        Err("write access at off 0 with size 8".into())
    );
    assert_eq!(
        says(dummy, "task_struct", 0, 4),
        Err("only access to bpf_dummy_ops_state is supported".into())
    );
    let older = tested("6.1.192");
    let of = older.btf.find("bpf_dummy_ops_state", Kind::Struct).unwrap();
    let dummy = older
        .write_rule(ProgType::StructOps, older.struct_ops("bpf_dummy_ops"))
        .unwrap();
    assert_eq!(dummy.check(&older.btf, of, 0, 4), Ok(()));
    let beyond = dummy.check(&older.btf, of, 0, 8).unwrap_err().message;
    let expected = "access beyond struct bpf_dummy_ops_state at off 0 size 8";
    assert_eq!(beyond.as_deref(), Some(expected));
    let xdp = k.write_rule(ProgType::Xdp, None).unwrap();
    assert_eq!(says(xdp, "nf_conn", 168, 4), Err(String::new()));
    assert!(k.write_rule(ProgType::Tracing, None).is_none());
}

#[test]
fn who_may_call_what() {
    let may = |name: &str, c: Caller<'_>| find(name).unwrap().callable_by(&c);
    let xdp = caller(ProgType::Xdp, AttachType::Xdp);
    let kprobe = caller(ProgType::Kprobe, NO_ATTACH);
    let session = caller(ProgType::Kprobe, AttachType::TraceKprobeSession);
    let fentry = caller(ProgType::Tracing, AttachType::TraceFentry);
    let iterator = caller(ProgType::Tracing, AttachType::TraceIter);
    let hook = caller(ProgType::Lsm, AttachType::LsmMac);
    assert!(may("bpf_rcu_read_lock", kprobe).is_some() && may("bpf_task_acquire", kprobe).is_none());
    assert_eq!(
        may("bpf_task_acquire", xdp),
        Some(
            KfuncFlags::ACQUIRE
                .with(KfuncFlags::RCU)
                .with(KfuncFlags::RET_NULL)
        )
    );
    assert!(may("bpf_session_cookie", kprobe).is_none() && may("bpf_session_cookie", session).is_some());
    assert!(may("bpf_sock_destroy", fentry).is_none() && may("bpf_sock_destroy", iterator).is_some());
    assert!(may("bpf_put_file", fentry).is_none() && may("bpf_put_file", hook).is_some());
    assert!(may("bpf_fentry_test1", fentry).is_none());
    assert_eq!(
        find("bpf_fentry_test1").unwrap().modify_return(),
        Some(KfuncFlags::SLEEPABLE)
    );
    assert!(may("bpf_modify_return_test_tp", xdp).is_some());
    let packets = caller(ProgType::CgroupSock, NO_ATTACH);
    assert!(
        may("bpf_sock_addr_set_sun_path", packets).is_some(),
        "all types of cgroups share a hook"
    );
    let msg = caller(ProgType::SkMsg, NO_ATTACH);
    assert!(may("bpf_rdonly_cast", msg).is_some() && may("bpf_obj_new_impl", msg).is_none());
    assert!(find("vfs_read").is_none());
}

#[test]
fn kfuncs_by_number() {
    let k = kernel();
    let id = k.btf.find("bpf_throw", Kind::Func).unwrap();
    assert_eq!(k.kfunc(id).and_then(|f| f.special), Some(Special::Throw));
    assert!(
        k.kfunc(k.btf.find("task_struct", Kind::Struct).unwrap())
            .is_none()
    );
    assert!(k.kfunc(TypeId(u32::MAX)).is_none());
}
