//! Looking up the kernel structs that programs may implement by their types.

use std::collections::BTreeMap;

use verdict_btf::{Kind, Type, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::kfunc::struct_ops::{StructOps, VALUE_PREFIX};

/// The struct_ops whose struct is this type of vmlinux (`bpf_struct_ops_find`).
pub fn find(kernel: &Kernel, id: TypeId) -> Option<(&'static StructOps, Type<'_>)> {
    let ty = kernel.btf.ty(id)?;
    let ops = kernel.struct_ops(ty.name())?;
    (kernel.btf.find(ops.name, Kind::Struct) == Some(id)).then_some((ops, ty))
}

/// The type of the value of a struct_ops' map, if `id` is one (`bpf_struct_ops_find_value`).
pub(crate) fn find_value(kernel: &Kernel, id: TypeId) -> Option<Type<'_>> {
    let ty = kernel.btf.ty(id)?;
    kernel.struct_ops(ty.name().strip_prefix(VALUE_PREFIX)?)?;
    (kernel.btf.find(ty.name(), Kind::Struct) == Some(id)).then_some(ty)
}

/// `bpf_struct_ops_map_update_elem`: whether the kernel takes the value of a map; `None` where what it asks is not modelled. `bytes`
/// are the struct, `programs` stand at offsets in it.
pub(crate) fn update(
    kernel: &Kernel,
    value_type: Option<TypeId>,
    bytes: &[u8],
    programs: &BTreeMap<u32, String>,
) -> Option<Result<(), Errno>> {
    let name = kernel.btf.ty(value_type?)?.name().strip_prefix(VALUE_PREFIX)?;
    let id = kernel.btf.find(name, Kind::Struct)?;
    let ty = kernel.btf.ty(id)?;
    match name {
        "tcp_congestion_ops" => congestion(kernel, ty, bytes, programs),
        // There is no such thing to register.
        "bpf_dummy_ops" => Some(Err(Errno::EOPNOTSUPP)),
        _ => None,
    }
}

/// Names that the kernel's own congestion controls may have: which there are is a fact of the machine, and a second one of a
/// name is refused.
const KNOWN: &[&str] = &[
    "reno",
    "bbr",
    "bic",
    "cdg",
    "cubic",
    "dctcp",
    "dctcp-reno",
    "highspeed",
    "htcp",
    "hybla",
    "illinois",
    "lp",
    "nv",
    "scalable",
    "vegas",
    "veno",
    "westwood",
    "yeah",
];

/// `bpf_tcp_ca_init_member` and `tcp_validate_congestion_control`; `None` where others decide.
fn congestion(
    kernel: &Kernel,
    ty: Type<'_>,
    bytes: &[u8],
    programs: &BTreeMap<u32, String>,
) -> Option<Result<(), Errno>> {
    let at = |name: &str| ty.members().find(|member| member.name() == name);
    for member in ty.members() {
        let start = member.byte_offset();
        let size = kernel.btf.resolve_size(member.ty).unwrap_or(0);
        let own = bytes.get(start as usize..).unwrap_or_default();
        let own = own.get(..size as usize).unwrap_or(own);
        let fits = match member.name() {
            "flags" => own
                .first_chunk::<4>()
                .is_none_or(|f| u32::from_le_bytes(*f) & !kernel.congestion_flags() == 0),
            "name" => match name_of(own) {
                Some(name) if KNOWN.iter().any(|known| known.as_bytes() == name) => return None,
                name => name.is_some(),
            },
            _ => kernel.btf.resolve_func_ptr(member.ty).is_some() || own.iter().all(|byte| *byte == 0),
        };
        if !fits {
            return Some(Err(Errno::EINVAL));
        }
    }
    let has = |name: &str| at(name).is_some_and(|member| programs.contains_key(&member.byte_offset()));
    Some(
        match has("ssthresh") && has("undo_cwnd") && (has("cong_avoid") || has("cong_control")) {
            true => Ok(()),
            false => Err(Errno::EINVAL),
        },
    )
}

/// The name that the bytes are, if it is one and not empty (`bpf_obj_name_cpy`).
fn name_of(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let name = bytes.get(..end)?;
    let is_of_names = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    (!name.is_empty() && name.iter().all(is_of_names)).then_some(name)
}
