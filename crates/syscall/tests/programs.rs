//! Admission of programs, what they attach to, and their records.

use std::sync::{Arc, LazyLock};

use verdict_btf::build::Builder;
use verdict_btf::{FuncLinkage, IntEncoding, Kind, TypeId};
use verdict_isa::Insn;
use verdict_kernel::Kernel;
use verdict_kernel::attr::{FuncInfo, LineInfo, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase, RegType};
use verdict_syscall::attach::check_attach_btf_id;
use verdict_syscall::btfinfo::{self, Subprog};
use verdict_syscall::ctx_access::arg_access;
use verdict_syscall::func_args::prepare_func_args;
use verdict_syscall::prog::{LoadError, flags};
use verdict_syscall::{AttachInfo, Prog, ProgBtf, Rejection, Silent};

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| Kernel::open("6.12").expect("the default profile"));

fn exit() -> Insn {
    Insn::from_bytes([0x95, 0, 0, 0, 0, 0, 0, 0])
}

fn attr(prog_type: ProgType, attach_type: AttachType) -> ProgLoad {
    ProgLoad {
        name: "p".to_owned(),
        prog_type: prog_type.raw(),
        expected_attach_type: attach_type.raw(),
        insns: vec![exit()],
        license: "GPL".to_owned(),
        ..ProgLoad::default()
    }
}

fn load(attr: &ProgLoad) -> Result<Prog, LoadError> {
    Prog::load(&KERNEL, attr, None, Arc::new([]), None)
}

fn refused(attr: &ProgLoad) -> Option<Errno> {
    match load(attr) {
        Err(LoadError::Refused(broken)) => Some(broken.errno),
        _ => None,
    }
}

const NO_ATTACH: AttachType = AttachType::CgroupInetIngress;

#[test]
fn admission() {
    let xdp = attr(ProgType::Xdp, NO_ATTACH);
    assert_eq!(refused(&xdp), None);
    let einval = Some(Errno::EINVAL);
    assert_eq!(
        refused(&ProgLoad {
            prog_flags: 1 << 8,
            ..xdp.clone()
        }),
        einval
    );
    assert_eq!(
        refused(&ProgLoad {
            insns: Vec::new(),
            ..xdp.clone()
        }),
        Some(Errno::E2BIG)
    );
    assert_eq!(
        refused(&ProgLoad {
            prog_type: 0,
            ..xdp.clone()
        }),
        einval
    );
    assert_eq!(
        refused(&ProgLoad {
            prog_type: 33,
            ..xdp.clone()
        }),
        einval
    );
    assert_eq!(
        refused(&ProgLoad {
            attach_btf_id: Some(TypeId(1)),
            ..xdp.clone()
        }),
        einval
    );
    assert_eq!(
        refused(&ProgLoad {
            name: "a b".to_owned(),
            ..xdp
        }),
        einval
    );
    assert_eq!(
        refused(&attr(ProgType::CgroupSkb, AttachType::CgroupInetEgress)),
        None
    );
    assert_eq!(
        refused(&attr(ProgType::CgroupSkb, AttachType::CgroupSockOps)),
        einval
    );
    assert_eq!(refused(&attr(ProgType::SkLookup, NO_ATTACH)), einval);
    assert_eq!(
        refused(&attr(ProgType::Syscall, AttachType::CgroupInetEgress)),
        einval
    );
    // Not built into this kernel.
    assert_eq!(refused(&attr(ProgType::LircMode2, NO_ATTACH)), einval);
}

#[test]
fn attach_types_of_old_loaders() {
    let fixed = |prog_type| load(&attr(prog_type, NO_ATTACH)).map(|prog| prog.attach_type());
    assert_eq!(
        fixed(ProgType::CgroupSock),
        Ok(Some(AttachType::CgroupInetSockCreate))
    );
    assert_eq!(
        fixed(ProgType::SkReuseport),
        Ok(Some(AttachType::SkReuseportSelect))
    );
}

#[test]
fn licences() {
    let gpl = |license: &str| {
        let attr = ProgLoad {
            license: license.to_owned(),
            ..attr(ProgType::Xdp, NO_ATTACH)
        };
        load(&attr).map(|prog| prog.gpl_compatible)
    };
    assert_eq!(gpl("Dual BSD/GPL"), Ok(true));
    assert_eq!(gpl("GPL v2"), Ok(true));
    assert_eq!(gpl("GPLv2"), Ok(false));
    assert_eq!(gpl(""), Ok(false));
}

fn tracing(attach_type: AttachType, kind: Kind, target: &str) -> ProgLoad {
    let prog_type = match attach_type {
        AttachType::LsmMac | AttachType::LsmCgroup => ProgType::Lsm,
        _ => ProgType::Tracing,
    };
    let id = KERNEL.btf.find(target, kind).expect(target);
    ProgLoad {
        attach_btf_id: Some(id),
        ..attr(prog_type, attach_type)
    }
}

fn attach(attr: &ProgLoad) -> Result<AttachInfo, Rejection> {
    check_attach_btf_id(&KERNEL, &load(attr).expect("admitted"), false, &mut Silent)
}

fn words(attr: &ProgLoad) -> String {
    attach(attr)
        .err()
        .map_or_else(|| "accepted".to_owned(), |rejection| rejection.text)
}

#[test]
fn targets() {
    use AttachType as A;
    let func = |attach_type, name| words(&tracing(attach_type, Kind::Func, name));
    let sleepable = |attach_type, name| {
        words(&ProgLoad {
            prog_flags: flags::SLEEPABLE,
            ..tracing(attach_type, Kind::Func, name)
        })
    };
    assert_eq!(func(A::TraceFentry, "bpf_fentry_test1"), "accepted");
    assert_eq!(func(A::TraceFentry, "migrate_disable"), "");
    assert_eq!(sleepable(A::TraceFentry, "bpf_fentry_test1"), "accepted");
    assert_eq!(
        sleepable(A::TraceFentry, "vfs_read"),
        "vfs_read is not sleepable\n"
    );
    assert_eq!(sleepable(A::LsmMac, "bpf_lsm_file_open"), "accepted");
    assert_eq!(
        sleepable(A::LsmMac, "bpf_lsm_task_free"),
        "bpf_lsm_task_free is not sleepable\n"
    );
    assert_eq!(func(A::ModifyReturn, "bpf_modify_return_test"), "accepted");
    assert_eq!(
        func(A::ModifyReturn, "vfs_read"),
        "vfs_read() is not modifiable\n"
    );
    assert_eq!(
        func(A::TraceFexit, "do_exit"),
        "Attaching fexit/fmod_ret to __noreturn functions is rejected.\n"
    );
    let id = KERNEL.btf.find("vfs_read", Kind::Func).expect("vfs_read");
    assert_eq!(
        func(A::LsmMac, "vfs_read"),
        format!("attach_btf_id {id} points to wrong type name vfs_read\n")
    );
    assert_eq!(
        func(A::TraceRawTp, "vfs_read"),
        format!("attach_btf_id {id} is not a typedef\n")
    );
    assert_eq!(func(A::TraceIter, "bpf_iter_task"), "accepted");
    assert_eq!(func(A::TraceIter, "vfs_read"), "");
    assert_eq!(
        words(&ProgLoad {
            attach_btf_id: None,
            ..tracing(A::TraceFentry, Kind::Func, "vfs_read")
        }),
        "Tracing programs must provide btf_id\n"
    );
    assert_eq!(
        words(&attr(ProgType::Syscall, NO_ATTACH)),
        "Syscall programs can only be sleepable\n"
    );
    assert_eq!(
        words(&ProgLoad {
            prog_flags: flags::SLEEPABLE,
            ..attr(ProgType::Xdp, NO_ATTACH)
        }),
        "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable\n"
    );
}

#[test]
fn struct_ops_members() {
    let id = KERNEL
        .btf
        .find("bpf_dummy_ops", Kind::Struct)
        .expect("bpf_dummy_ops");
    let member = |index, prog_flags| {
        let base = attr(ProgType::StructOps, NO_ATTACH);
        words(&ProgLoad {
            expected_attach_type: index,
            attach_btf_id: Some(id),
            prog_flags,
            ..base
        })
    };
    assert_eq!(member(0, 0), "accepted");
    assert_eq!(
        member(0, flags::SLEEPABLE),
        "attach to unsupported member test_1 of struct bpf_dummy_ops\n"
    );
    assert_eq!(member(2, flags::SLEEPABLE), "accepted");
    assert_eq!(
        member(9, 0),
        "attach to invalid member idx 9 of struct bpf_dummy_ops\n"
    );
}

/// What a read of 8 bytes gives, and the words that go with it.
fn read(attr: &ProgLoad, off: i32) -> (Option<RegType>, String) {
    let prog = load(attr).expect("admitted");
    let info = check_attach_btf_id(&KERNEL, &prog, false, &mut Silent).expect("attached");
    let mut text = String::new();
    let read = arg_access(&KERNEL, &prog, &info, off, 8, &mut text);
    (read.ok().map(|arg| arg.reg_type), text)
}

#[test]
fn arguments() {
    use AttachType as A;
    let object = |flags| Some(RegType::new(RegBase::BtfId, flags));
    let scalar = Some(RegType::new(RegBase::Scalar, Flags::NONE));
    let fentry = tracing(A::TraceFentry, Kind::Func, "vfs_read");
    let file = KERNEL.btf.find("file", Kind::Struct).expect("struct file");
    let words = format!("func 'vfs_read' arg0 has btf_id {file} type STRUCT 'file'\n");
    assert_eq!(read(&fentry, 0), (object(Flags::NONE), words));
    assert_eq!(read(&fentry, 16), (scalar, String::new()));
    assert_eq!(
        read(&fentry, 32),
        (None, "func 'vfs_read' doesn't have 5-th argument\n".to_owned())
    );
    assert_eq!(
        read(&fentry, 4),
        (None, "func 'vfs_read' offset 4 is not multiple of 8\n".to_owned())
    );
    let fexit = tracing(A::TraceFexit, Kind::Func, "vfs_read");
    assert_eq!(read(&fexit, 32), (scalar, String::new()));
    let tracepoint = |name| tracing(A::TraceRawTp, Kind::Typedef, name);
    assert_eq!(
        read(&tracepoint("btf_trace_sched_switch"), 8).0,
        object(Flags::TRUSTED)
    );
    let may_be_null = object(Flags::TRUSTED | Flags::MAYBE_NULL);
    assert_eq!(read(&tracepoint("btf_trace_sched_pi_setprio"), 8).0, may_be_null);
    let iter = tracing(A::TraceIter, Kind::Func, "bpf_iter_task");
    assert_eq!(read(&iter, 8).0, may_be_null);
    let lsm = tracing(A::LsmMac, Kind::Func, "bpf_lsm_task_free");
    assert_eq!(read(&lsm, 0).0, object(Flags::NONE));
}

/// A program with one more, global function of a single argument that has these tags.
fn with_arg(tags: &[&str], arg: impl Fn(&mut Builder, TypeId) -> TypeId) -> Prog {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let arg = arg(&mut b, int);
    let proto = b.add_func_proto(int, &[("arg", arg)]);
    let main = b.add_func("main_func", FuncLinkage::Global, proto);
    let func = b.add_func("sub", FuncLinkage::Global, proto);
    for tag in tags {
        b.add_decl_tag(tag, func, Some(0));
    }
    let btf = Arc::new(b.build().expect("well-formed BTF"));
    let loaded = Arc::new(ProgBtf::load(&KERNEL, &btf).expect("accepted"));
    let record = |insn_off, type_id| FuncInfo { insn_off, type_id };
    let attr = ProgLoad {
        btf: Some(btf),
        func_info: vec![record(0, main), record(1, func)],
        insns: vec![exit(), exit()],
        ..attr(ProgType::SchedCls, NO_ATTACH)
    };
    Prog::load(&KERNEL, &attr, Some(&loaded), Arc::new([]), None).expect("admitted")
}

#[test]
fn arguments_of_functions() {
    let taken = |prog: Prog| prepare_func_args(&KERNEL, &prog, 1, true, false);
    let base = |prog| {
        taken(prog)
            .map(|args| args.first().map(|arg| arg.ty))
            .map_err(|r| r.text)
    };
    let ptr_to = |name: &'static str, size| {
        move |b: &mut Builder, int| {
            let to = b.add_struct(name, size, &[("x", int, 0)]);
            b.add_ptr(to)
        }
    };
    let ty = |base, flags| Ok(Some(ArgType::new(base, flags)));
    assert_eq!(
        base(with_arg(&[], |_, int| int)),
        ty(ArgBase::Anything, Flags::NONE)
    );
    assert_eq!(
        base(with_arg(&[], ptr_to("__sk_buff", 4))),
        ty(ArgBase::Ctx, Flags::NONE)
    );
    assert_eq!(
        base(with_arg(&[], ptr_to("own", 4))),
        ty(ArgBase::Mem, Flags::MAYBE_NULL)
    );
    assert_eq!(
        base(with_arg(&["arg:nonnull"], ptr_to("own", 4))),
        ty(ArgBase::Mem, Flags::NONE)
    );
    assert_eq!(
        base(with_arg(&[], ptr_to("bpf_dynptr", 16))),
        ty(ArgBase::Dynptr, Flags::RDONLY)
    );
    assert_eq!(
        base(with_arg(&["arg:arena"], ptr_to("own", 4))),
        ty(ArgBase::Arena, Flags::NONE)
    );
    let trusted = with_arg(&["arg:trusted", "arg:nullable"], ptr_to("task_struct___local", 4));
    let args = taken(trusted).expect("accepted");
    let first = args.first().expect("an argument");
    assert_eq!(
        first.ty,
        ArgType::new(ArgBase::BtfId, Flags::TRUSTED | Flags::MAYBE_NULL)
    );
    assert_eq!(Some(first.btf_id), KERNEL.btf.find("task_struct", Kind::Struct));
    let refused = |tags: &[&str], name| base(with_arg(tags, ptr_to(name, 4))).err().unwrap_or_default();
    assert_eq!(
        refused(&["arg:nullable"], "own"),
        "arg#0 has invalid combination of tags\n"
    );
    assert_eq!(
        refused(&["arg:odd"], "own"),
        "arg#0 has unsupported set of tags\n"
    );
    assert_eq!(
        refused(&["arg:ctx"], "own"),
        "arg#0 should be `struct __sk_buff *`\n"
    );
    assert_eq!(
        refused(&["arg:trusted"], "own"),
        "arg#0 reference type('STRUCT own') has no matches\n"
    );
    assert_eq!(
        base(with_arg(&["arg:nonnull"], |_, int| int))
            .err()
            .unwrap_or_default(),
        "arg#0 has pointer tag, but is not a pointer type\n"
    );
}

#[test]
fn records() {
    let mut prog = with_arg(&[], |_, int| int);
    let subprog = |start| Subprog {
        start,
        has_ld_abs: false,
        has_tail_call: false,
    };
    let both = [subprog(0), subprog(1)];
    let check = |prog: &Prog, subprogs: &[Subprog]| {
        let early = btfinfo::check_early(prog, &[subprog(0)]);
        let late = early.and_then(|()| btfinfo::check(prog, subprogs).map(|_| ()));
        late.err().map_or_else(String::new, |rejection| rejection.text)
    };
    assert_eq!(check(&prog, &both), "");
    assert_eq!(
        check(&prog, &[subprog(0)]),
        "number of funcs in func_info doesn't match number of subprogs\n"
    );
    let line = |insn_off| LineInfo {
        insn_off,
        file_name_off: 0,
        line_off: 0,
        line_col: 0,
    };
    prog.line_info = vec![line(0)];
    assert_eq!(
        check(&prog, &both),
        "missing bpf_line_info for 1 funcs starting from func#1\n"
    );
    prog.line_info = vec![line(0), line(0)];
    assert_eq!(
        check(&prog, &both),
        "Invalid line_info[1].insn_off:0 (prev_offset:0 prog->len:2)\n"
    );
    prog.line_info = vec![line(1)];
    assert_eq!(check(&prog, &both), "missing bpf_line_info for func#0\n");
    prog.line_info.clear();
    prog.func_info.rotate_left(1);
    assert_eq!(
        check(&prog, &both),
        "nonzero insn_off 1 for the first func info record"
    );
}
