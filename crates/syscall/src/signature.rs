//! Whether an extension has the signature of the function that it replaces: `btf_check_type_match` of
//! `kernel/bpf/btf.c`.

use verdict_btf::{FuncLinkage, Type, TypeId};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;

use crate::notes::{Rejection, reject};
use crate::prog::Prog;

/// Compares the main function of `prog` with `replaced`, a function of another program. What errno the comparison
/// itself gives is lost.
pub(crate) fn check(prog: &Prog, replaced: Type<'_>) -> Result<(), Rejection> {
    let Some((loaded, record)) = prog.btf.as_ref().zip(prog.func_info.first()) else {
        reject!(
            ReplacedSignature,
            Errno::EINVAL,
            "Program extension requires BTF\n"
        );
    };
    let own = loaded.btf.ty(record.type_id).filter(|ty| ty.is_func());
    let own = own.ok_or(Rule::ReplacedSignature.with(Errno::EINVAL))?;
    compare(own, replaced)
}

/// Compares two functions as far as scalars and pointers to contexts go.
fn compare(own: Type<'_>, replaced: Type<'_>) -> Result<(), Rejection> {
    let (f1, f2) = (own.name(), replaced.name());
    for func in [own, replaced] {
        if func.func_linkage() != Some(FuncLinkage::Global) {
            reject!(
                ReplacedSignature,
                Errno::EINVAL,
                "{}() is not a global function\n",
                func.name()
            );
        }
    }
    let protos = own.proto().zip(replaced.proto());
    let (p1, p2) = protos.ok_or(Rule::ReplacedSignature.with(Errno::EINVAL))?;
    let (n1, n2) = (p1.params().len(), p2.params().len());
    if n1 != n2 {
        reject!(
            ReplacedSignature,
            Errno::EINVAL,
            "{f1}() has {n1} args while {f2}() has {n2} args\n"
        );
    }
    let (t1, t2) = (plain(p1, p1.target())?, plain(p2, p2.target())?);
    if t1.info() != t2.info() {
        let (k1, k2) = (t1.kind().kernel_name(), t2.kind().kernel_name());
        reject!(
            ReplacedSignature,
            Errno::EINVAL,
            "Return type {k1} of {f1}() doesn't match type {k2} of {f2}()\n"
        );
    }
    for (i, (a1, a2)) in p1.params().zip(p2.params()).enumerate() {
        compare_arg(i, (f1, plain(p1, a1.ty)?), (f2, plain(p2, a2.ty)?))?;
    }
    Ok(())
}

fn compare_arg(i: usize, (f1, t1): (&str, Type<'_>), (f2, t2): (&str, Type<'_>)) -> Result<(), Rejection> {
    if t1.info() != t2.info() {
        let (k1, k2) = (t1.kind().kernel_name(), t2.kind().kernel_name());
        reject!(
            ReplacedSignature,
            Errno::EINVAL,
            "arg{i} in {f1}() is {k1} while {f2}() has {k2}\n"
        );
    }
    if t1.kind().has_size() && t1.size() != t2.size() {
        reject!(
            ReplacedSignature,
            Errno::EINVAL,
            "arg{i} in {f1}() has size {} while {f2}() has {}\n",
            t1.size() as i32,
            t2.size() as i32
        );
    }
    if t1.is_int() || t1.is_any_enum() {
        return Ok(());
    }
    if !t1.is_ptr() {
        reject!(
            ReplacedSignature,
            Errno::EINVAL,
            "arg{i} in {f1}() has unrecognized type\n"
        );
    }
    let (s1, s2) = (plain(t1, t1.target())?, plain(t2, t2.target())?);
    for (func, pointee) in [(f1, s1), (f2, s2)] {
        if !pointee.is_composite() {
            reject!(
                ReplacedSignature,
                Errno::EINVAL,
                "arg{i} in {func}() is not a pointer to context\n"
            );
        }
    }
    if s1.name() != s2.name() {
        reject!(
            ReplacedSignature,
            Errno::EINVAL,
            "arg{i} {f1}(struct {} *) doesn't match {f2}(struct {} *)\n",
            s1.name(),
            s2.name()
        );
    }
    Ok(())
}

/// The type behind modifiers and typedefs, in the BTF of `of`.
fn plain<'t>(of: Type<'t>, id: TypeId) -> Result<Type<'t>, Rejection> {
    let ty = of.btf().skip_mods_and_typedefs(id);
    Ok(ty.ok_or(Rule::ReplacedSignature.with(Errno::EINVAL))?)
}
