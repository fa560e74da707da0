//! What exactly a kernel's types lack that a CO-RE relocation looks for, and what comes nearest to it.

use verdict_btf::{Btf, Kind, Member, Type, essential_name};
use verdict_kernel::Kernel;
use verdict_kernel::near::distance;

/// Members that are looked at: types of a kernel need not end, as those of a directory are anybody's.
const MAX_MEMBERS: usize = 1 << 16;
/// Arrays of arrays.
const MAX_DIMENSIONS: u32 = 16;

/// Members of `pt_regs` and its like that only other architectures have.
const REGISTERS: [(&str, &str); 8] = [
    ("uregs", "arm"),
    ("user_regs", "arm64 or s390"),
    ("regs", "arm64 or mips"),
    ("gpr", "powerpc"),
    ("gprs", "s390"),
    ("orig_gpr2", "s390"),
    ("a0", "riscv"),
    ("epc", "riscv"),
];
/// Types that hold registers elsewhere.
const REGISTER_TYPES: [(&str, &str); 2] = [("user_pt_regs", "arm64 or s390"), ("user_regs_struct", "riscv")];

/// What the kernel lacks of the target of a relocation, which is written as libbpf does: `struct task_struct.pid`,
/// `enum bpf_func_id::BPF_FUNC_x = 1`.
pub(crate) fn lacking(kernel: &Kernel, target: &str) -> Option<String> {
    let (word, path) = target.split_once(' ')?;
    let (path, is_enum) = match path.split_once("::") {
        Some((name, value)) => (
            format!("{name}.{}", value.split(' ').next().unwrap_or(value)),
            true,
        ),
        None => (path.to_owned(), false),
    };
    let mut steps = path.split('.');
    let name = essential_name(steps.next()?);
    let btf = &kernel.btf;
    let types: Vec<_> = btf
        .flavours_of(name.as_bytes())
        .filter(|ty| is_called(*ty, word))
        .collect();
    if types.is_empty() {
        let other = REGISTER_TYPES.iter().find(|(known, _)| *known == name);
        if let Some((_, machine)) = other {
            return Some(format!(
                "the object was built for another architecture: {word} {name} is of {machine}"
            ));
        }
        let names = btf.types().filter(|ty| is_called(*ty, word)).map(|ty| ty.name());
        return Some(format!("the kernel has no {word} {name}{}", nearest(name, names)));
    }
    if is_enum {
        let wanted = essential_name(steps.next()?);
        let values = types.iter().flat_map(|ty| ty.enumerators()).map(|e| e.name());
        return Some(format!(
            "enum {name} has no value {wanted}{}",
            nearest(wanted, values)
        ));
    }
    types
        .into_iter()
        .find_map(|ty| of_members(btf, ty, word, name, steps.clone()))
}

/// The first member on the way that is not there.
fn of_members<'p>(
    btf: &Btf,
    ty: Type<'_>,
    word: &str,
    name: &str,
    steps: impl Iterator<Item = &'p str>,
) -> Option<String> {
    let mut at = ty;
    let mut so_far = name.to_owned();
    for step in steps {
        let member = step.split('[').next().unwrap_or(step);
        let Some(next) = find(btf, at, member) else {
            let foreign = REGISTERS
                .iter()
                .find(|(known, _)| name == "pt_regs" && *known == member);
            if let Some((_, machine)) = foreign {
                return Some(format!(
                    "the object was built for another architecture: {word} {name}.{member} is of {machine}"
                ));
            }
            let names = members(btf, at).map(|known| known.name());
            return Some(format!(
                "{word} {so_far} has no member {member}{}",
                nearest(member, names)
            ));
        };
        so_far = format!("{so_far}.{member}");
        at = next;
    }
    None
}

fn is_called(ty: Type<'_>, word: &str) -> bool {
    match word {
        "struct" => ty.kind() == Kind::Struct,
        "union" => ty.kind() == Kind::Union,
        "enum" => ty.is_any_enum(),
        _ => ty.kind() == Kind::Typedef,
    }
}

/// The type of a member, elements of arrays for the arrays.
fn find<'b>(btf: &'b Btf, ty: Type<'b>, name: &str) -> Option<Type<'b>> {
    let member = members(btf, ty).find(|member| member.name() == name)?;
    let mut target = btf.skip_mods_and_typedefs(member.ty)?;
    for _ in 0..MAX_DIMENSIONS {
        let Some(array) = target.array() else { break };
        target = btf.skip_mods_and_typedefs(array.elem)?;
    }
    Some(target)
}

/// The named members of a type; those of anonymous ones are its own.
fn members<'b>(btf: &'b Btf, ty: Type<'b>) -> impl Iterator<Item = Member<'b>> {
    let mut open: Vec<Member<'b>> = ty.members().rev().collect();
    let all = std::iter::from_fn(move || {
        let member = open.pop()?;
        if member.name().is_empty()
            && let Some(inner) = btf.skip_mods_and_typedefs(member.ty)
            && open.len() < MAX_MEMBERS
        {
            open.extend(inner.members().rev());
        }
        Some(member)
    });
    all.take(MAX_MEMBERS).filter(|member| !member.name().is_empty())
}

/// The name that comes nearest, if one does.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let mut most = name.len() / 3 + 1;
    let mut found: Option<(usize, &str)> = None;
    for known in names.filter(|known| !known.is_empty()) {
        // Underscores in front are what renaming often adds or takes away.
        let renamed = known.trim_start_matches('_') == name.trim_start_matches('_');
        let Some(steps) = (if renamed {
            Some(0)
        } else {
            distance(name, known, most)
        }) else {
            continue;
        };
        if found.is_none_or(|best| (steps, known) < best) {
            found = Some((steps, known));
            most = steps;
        }
    }
    found.map_or_else(String::new, |(_, known)| format!(" (the nearest is {known})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KernelChoice;

    #[test]
    fn what_is_missing() {
        let kernel = KernelChoice::default().open().unwrap();
        let said = |target: &str| lacking(&kernel, target);
        let is = |target: &str, words: &str| assert_eq!(said(target).as_deref(), Some(words), "{target}");
        is(
            "struct bpf_lpm_trie_key",
            "the kernel has no struct bpf_lpm_trie_key (the nearest is bpf_lpm_trie_key_u8)",
        );
        is(
            "struct task_struct___old.start_boottme",
            "struct task_struct has no member start_boottme (the nearest is start_boottime)",
        );
        is(
            "struct task_struct.mm.no_such_member_at_all_here",
            "struct task_struct.mm has no member no_such_member_at_all_here",
        );
        is(
            "struct pt_regs.uregs[0]",
            "the object was built for another architecture: struct pt_regs.uregs is of arm",
        );
        is(
            "enum bpf_map_type::BPF_MAP_TYPE_RINGBUG = 3",
            "enum bpf_map_type has no value BPF_MAP_TYPE_RINGBUG (the nearest is BPF_MAP_TYPE_RINGBUF)",
        );
        assert_eq!(said("struct task_struct.pid"), None);
    }
}
