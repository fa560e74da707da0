//! Contexts as arguments of global functions, for kernels that do not know the tag `arg:ctx`: such an argument gets the
//! type by which they know a context (`bpf_program_fixup_func_info`).

use std::collections::BTreeMap;

use verdict_btf::build::Builder;
use verdict_btf::{Btf, FuncLinkage, Kind, Type, TypeId};
use verdict_kernel::attr::FuncInfo;
use verdict_kernel::prog::ProgType;

use crate::error::{Warnings, warning};

/// What libbpf calls the context of programs of this type; `None` when it has no name for it.
fn context_name(prog_type: u32) -> Option<&'static str> {
    Some(match ProgType::from_raw(prog_type)? {
        ProgType::CgroupDevice => "bpf_cgroup_dev_ctx",
        ProgType::CgroupSkb
        | ProgType::FlowDissector
        | ProgType::LwtIn
        | ProgType::LwtOut
        | ProgType::LwtSeg6local
        | ProgType::LwtXmit
        | ProgType::SchedAct
        | ProgType::SchedCls
        | ProgType::SkSkb
        | ProgType::SocketFilter => "__sk_buff",
        ProgType::CgroupSock => "bpf_sock",
        ProgType::CgroupSockAddr => "bpf_sock_addr",
        ProgType::CgroupSockopt => "bpf_sockopt",
        ProgType::CgroupSysctl => "bpf_sysctl",
        ProgType::Kprobe => "bpf_user_pt_regs_t",
        ProgType::Netfilter => "bpf_nf_ctx",
        ProgType::PerfEvent => "bpf_perf_event_data",
        ProgType::RawTracepoint | ProgType::RawTracepointWritable => "bpf_raw_tracepoint_args",
        ProgType::SkLookup => "bpf_sk_lookup",
        ProgType::SkMsg => "sk_msg_md",
        ProgType::SkReuseport => "sk_reuseport_md",
        ProgType::SockOps => "bpf_sock_ops",
        ProgType::Xdp => "xdp_md",
        _ => return None,
    })
}

/// A program whose functions are looked at.
pub(crate) struct Of<'a> {
    /// The object's BTF.
    pub(crate) btf: &'a Btf,
    /// Its tags, as [`tags`] finds them.
    pub(crate) tags: &'a BTreeMap<TypeId, Vec<TypeId>>,
    /// The program's name.
    pub(crate) name: &'a str,
    /// Its type.
    pub(crate) prog_type: u32,
}

/// The tags that say which arguments of functions are contexts, by function, in their order.
pub(crate) fn tags(btf: &Btf) -> BTreeMap<TypeId, Vec<TypeId>> {
    let mut all = BTreeMap::<TypeId, Vec<TypeId>>::new();
    let tags = btf.types().filter(|t| t.kind() == Kind::DeclTag);
    for tag in tags.filter(|tag| tag.name() == "arg:ctx") {
        all.entry(tag.target()).or_default().push(tag.id());
    }
    all
}

/// The copy of a function, and its prototype.
#[derive(Clone, Copy)]
struct Copied {
    func: TypeId,
    proto: TypeId,
}

/// Has the functions of a program take contexts in a form that old kernels know: `funcs` then name copies of them, which
/// `edit` adds to the object's BTF.
pub(crate) fn fix(of: &Of<'_>, funcs: &mut [FuncInfo], edit: &mut Option<Builder>, w: &mut Warnings) {
    let Some(context) = context_name(of.prog_type) else {
        return;
    };
    let mut copies = BTreeMap::<TypeId, Copied>::new();
    let mut pointer = None;
    let mut originals = BTreeMap::new();
    for (at, func) in funcs.iter().enumerate() {
        originals.entry(func.type_id).or_insert(at);
    }
    let own = originals.keys().filter_map(|func| of.tags.get(func)).flatten();
    let mut own: Vec<TypeId> = own.copied().collect();
    own.sort_unstable();
    for tag in own.into_iter().filter_map(|id| of.btf.ty(id)) {
        let Some((at, func, proto)) = tagged(&originals, tag) else {
            continue;
        };
        let Some((index, param)) = tag
            .component()
            .and_then(|i| Some((i, proto.params().get(i as usize)?)))
        else {
            continue;
        };
        if !wants_fix(of, (func.name(), index), param.ty, context, w) {
            continue;
        }
        let edit = edit.get_or_insert_with(|| Builder::from_btf(of.btf));
        let copied = *copies.entry(func.id()).or_insert_with(|| copy(edit, func, proto));
        if let Some(record) = funcs.get_mut(at) {
            record.type_id = copied.func;
        }
        let pointer = *pointer.get_or_insert_with(|| {
            let context = edit.add_struct(context, 0, &[]);
            edit.add_ptr(context)
        });
        edit.add_decl_tag("arg:ctx", copied.func, Some(index));
        edit.set_param_type(copied.proto, index as usize, pointer);
    }
}

/// The global function that a tag is on, if the program has it: its record, itself and its prototype.
fn tagged<'a>(originals: &BTreeMap<TypeId, usize>, tag: Type<'a>) -> Option<(usize, Type<'a>, Type<'a>)> {
    let func = tag
        .target_type()
        .filter(|t| t.func_linkage() == Some(FuncLinkage::Global))?;
    let proto = func.proto()?;
    let at = originals.get(&func.id())?;
    Some((*at, func, proto))
}

fn copy(edit: &mut Builder, func: Type<'_>, proto: Type<'_>) -> Copied {
    let params: Vec<_> = proto.params().map(|p| (p.name(), p.ty)).collect();
    let proto = edit.add_func_proto(proto.target(), &params);
    Copied {
        func: edit.add_func(func.name(), FuncLinkage::Global, proto),
        proto,
    }
}

/// Whether the argument is not of the type yet by which the kernel knows the context (`need_func_arg_type_fixup`).
fn wants_fix(of: &Of<'_>, (func, index): (&str, u32), arg: TypeId, context: &str, w: &mut Warnings) -> bool {
    if let Some(ptr) = of.btf.skip_mods_and_typedefs(arg).filter(|t| t.is_ptr())
        && let Some(fix) = pointee_wants_fix(of, ptr, context)
    {
        return fix;
    }
    let name = of.name;
    warning!(
        w,
        "prog '{name}': subprog '{func}' arg#{index} is expected to be of `struct {context} *` type"
    );
    false
}

/// The same of what the argument points to; `None` when it cannot be a context.
fn pointee_wants_fix(of: &Of<'_>, ptr: Type<'_>, context: &str) -> Option<bool> {
    let prog_type = ProgType::from_raw(of.prog_type)?;
    let user_regs = matches!(prog_type, ProgType::Kprobe | ProgType::PerfEvent);
    let ty = of.btf.skip_mods_and_typedefs(ptr.target())?;
    let raw = matches!(
        prog_type,
        ProgType::RawTracepoint | ProgType::RawTracepointWritable
    );
    // On x86-64, `bpf_user_pt_regs_t` is `struct pt_regs`. libbpf means to leave arguments of that name alone, but looks
    // for it before it follows the pointer, and so never finds it.
    let fixable = ty.is_void()
        || user_regs && ty.is_struct() && ty.name() == "pt_regs"
        || raw && ty.is_int() && ty.size() == 8;
    match fixable {
        true => Some(true),
        false => (ty.is_struct() && ty.name() == context).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use verdict_btf::IntEncoding;

    use super::*;

    #[test]
    fn void_pointers_become_contexts() {
        let mut b = Builder::new();
        let int = b.add_int("int", 4, IntEncoding(0));
        let void = b.add_ptr(TypeId::VOID);
        let number = b.add_ptr(int);
        let proto = b.add_func_proto(int, &[("ctx", void), ("x", int), ("y", number)]);
        let func = b.add_func("helper", FuncLinkage::Global, proto);
        b.add_decl_tag("arg:ctx", func, Some(0));
        b.add_decl_tag("arg:ctx", func, Some(2));
        let btf = b.build().unwrap();
        let of = Of {
            btf: &btf,
            tags: &tags(&btf),
            name: "main",
            prog_type: ProgType::Kprobe.raw(),
        };
        let mut funcs = [FuncInfo {
            insn_off: 2,
            type_id: func,
        }];
        let (mut edit, mut w) = (None, Warnings::default());
        fix(&of, &mut funcs, &mut edit, &mut w);
        let fixed = edit.unwrap().build().unwrap();
        let copied = fixed.ty(funcs[0].type_id).unwrap();
        assert_eq!((copied.name(), copied.id() == func), ("helper", false));
        let params: Vec<_> = copied.proto().unwrap().params().collect();
        let pointee = |at: usize| fixed.resolve_ptr(params[at].ty).map(|t| t.name().to_owned());
        assert_eq!(pointee(0).as_deref(), Some("bpf_user_pt_regs_t"));
        assert_eq!((params[1].ty, params[2].ty), (int, number));
        assert_eq!(
            w.into_lines().concat(),
            "libbpf: prog 'main': subprog 'helper' arg#2 is expected to be of `struct bpf_user_pt_regs_t *` type"
        );
    }
}
