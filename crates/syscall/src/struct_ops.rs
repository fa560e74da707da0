//! Looking up the kernel structs that programs may implement by their types.

use verdict_btf::{Kind, Type, TypeId};
use verdict_kernel::Kernel;
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
