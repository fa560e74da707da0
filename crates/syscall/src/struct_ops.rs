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
        "tcp_congestion_ops" => Some(congestion(kernel, ty, bytes, programs)),
        // There is no such thing to register.
        "bpf_dummy_ops" => Some(Err(Errno::EOPNOTSUPP)),
        _ => None,
    }
}

/// `TCP_CONG_MASK`: `TCP_CONG_NON_RESTRICTED` and `TCP_CONG_NEEDS_ECN`.
const TCP_CONG_MASK: u32 = 3;

/// `bpf_tcp_ca_init_member` and `tcp_validate_congestion_control`.
fn congestion(
    kernel: &Kernel,
    ty: Type<'_>,
    bytes: &[u8],
    programs: &BTreeMap<u32, String>,
) -> Result<(), Errno> {
    let at = |name: &str| ty.members().find(|member| member.name() == name);
    for member in ty.members() {
        let start = member.byte_offset();
        let size = kernel.btf.resolve_size(member.ty).unwrap_or(0);
        let own = bytes.get(start as usize..).unwrap_or_default();
        let own = own.get(..size as usize).unwrap_or(own);
        let fits = match member.name() {
            "flags" => own
                .first_chunk::<4>()
                .is_none_or(|f| u32::from_le_bytes(*f) & !TCP_CONG_MASK == 0),
            "name" => is_name(own),
            _ => kernel.btf.resolve_func_ptr(member.ty).is_some() || own.iter().all(|byte| *byte == 0),
        };
        if !fits {
            return Err(Errno::EINVAL);
        }
    }
    let has = |name: &str| at(name).is_some_and(|member| programs.contains_key(&member.byte_offset()));
    match has("ssthresh") && has("undo_cwnd") && (has("cong_avoid") || has("cong_control")) {
        true => Ok(()),
        false => Err(Errno::EINVAL),
    }
}

/// Whether the bytes are a name that is not empty (`bpf_obj_name_cpy`).
fn is_name(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().position(|byte| *byte == 0) else {
        return false;
    };
    let name = bytes.get(..end).unwrap_or_default();
    let is_of_names = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    !name.is_empty() && name.iter().all(is_of_names)
}
