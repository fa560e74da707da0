//! Walking into structs: what a load of some bytes at some offset of a typed object gives
//! (`btf_struct_access`, `btf_struct_walk`, `btf_struct_ids_match` of `kernel/bpf/btf.c`).

use verdict_btf::{Kind, Member, Type, TypeId};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_kernel::types::Flags;

use crate::notes::{Notes, Rejection, reject};
use crate::space::{TypeRef, TypeSpace};

/// What lies at an offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access<'a> {
    /// A number, or part of one.
    Scalar,
    /// A pointer to a struct.
    Ptr {
        /// The struct, of the same BTF as the object.
        ty: TypeRef,
        /// `USER`, `PERCPU` or `RCU` by the pointer's type tag; `UNTRUSTED` if the way led through a union.
        flags: Flags,
        /// Name of the member.
        field: &'a str,
    },
}

/// What one walk ends at.
enum Step<'a> {
    Scalar,
    Ptr {
        ty: TypeId,
        field: &'a str,
    },
    /// A struct starts exactly there.
    Struct(TypeId),
}

/// What a load of `size` bytes at `off` of an object of type `ty` gives.
///
/// `alloc` says that the object is one that the program allocated: its special fields cannot be read, what it
/// points to is not followed, and it does not extend beyond its type's size.
///
/// # Errors
/// `EACCES` and others, with the words of the log.
pub fn struct_access<'a>(
    types: &TypeSpace<'a>,
    ty: TypeRef,
    off: i32,
    size: i32,
    alloc: bool,
) -> Result<Access<'a>, Rejection> {
    // The kernel compares and adds 32-bit offsets without sign.
    let (off, size) = (off as u32, size as u32);
    if alloc {
        deny_special_fields(types, ty, off, size)?;
    }
    let btf = types
        .btf(ty.btf)
        .ok_or(Rule::KernelObjectAccess.with(Errno::EINVAL))?;
    let mut at = btf
        .ty(ty.id)
        .ok_or(Rule::KernelObjectAccess.with(Errno::EINVAL))?;
    let mut flags = Flags::NONE;
    let mut off = off;
    // Structs nest at most as deep as there are types.
    for _ in 0..btf.count() {
        match walk(at, off, size, &mut flags, !alloc)? {
            Step::Scalar => return Ok(Access::Scalar),
            Step::Ptr { .. } if alloc => return Ok(Access::Scalar),
            Step::Ptr { ty: id, field } => {
                return Ok(Access::Ptr {
                    ty: TypeRef { btf: ty.btf, id },
                    flags,
                    field,
                });
            }
            Step::Struct(id) => {
                at = btf.ty(id).ok_or(Rule::KernelObjectAccess.with(Errno::EINVAL))?;
                off = 0;
            }
        }
    }
    Err(Rule::KernelObjectAccess.with(Errno::EINVAL).into())
}

fn deny_special_fields(types: &TypeSpace<'_>, ty: TypeRef, off: u32, size: u32) -> Result<(), Rejection> {
    let Some(record) = types.record(ty) else {
        return Ok(());
    };
    let overlaps = |offset: u32, len: u32| off < offset.wrapping_add(len) && offset < off.wrapping_add(size);
    if let Some(field) = record
        .fields
        .iter()
        .find(|field| overlaps(field.offset, field.size))
    {
        reject!(
            SpecialFieldAccess,
            Errno::EACCES,
            "direct access to {} is disallowed\n",
            field.kind.name()
        );
    }
    Ok(())
}

/// Whether a pointer to `off` in an object of type `have` serves where one to `need` is wanted: it is that type,
/// or, unless `strict`, such an object begins exactly there.
///
/// What the kernel writes to the log on the way goes to `notes`, also when the caller then tries something else.
pub fn struct_ids_match(
    types: &TypeSpace<'_>,
    notes: &mut dyn Notes,
    have: TypeRef,
    off: i32,
    need: TypeRef,
    strict: bool,
    walk_flex_arrays: bool,
) -> bool {
    if off == 0 && have == need {
        return true;
    }
    let Some(btf) = types.btf(have.btf).filter(|_| !strict) else {
        return false;
    };
    let mut flags = Flags::NONE;
    let (mut id, mut off) = (have.id, off as u32);
    for _ in 0..btf.count() {
        let Some(ty) = btf.ty(id) else { return false };
        match walk(ty, off, 1, &mut flags, walk_flex_arrays) {
            Ok(Step::Struct(inner)) => id = inner,
            Ok(_) => return false,
            Err(rejection) => {
                notes.note(format_args!("{}", rejection.text));
                return false;
            }
        }
        if have.btf == need.btf && id == need.id {
            return true;
        }
        off = 0;
    }
    false
}

/// Whether two types are one and the same (`btf_types_are_same`). There is one type of each number in one BTF.
pub fn types_are_same(a: TypeRef, b: TypeRef) -> bool {
    a == b || (a.id == TypeId::VOID && b.id == TypeId::VOID)
}

/// Whether the program's view `user` of a context stands for the kernel's struct `kernel`.
pub fn is_projection_of(user: &str, kernel: &str) -> bool {
    matches!((user, kernel), ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff"))
}

fn beyond<T>(name: &str, off: u32, size: u32) -> Result<T, Rejection> {
    reject!(
        KernelObjectAccess,
        Errno::EACCES,
        "access beyond struct {name} at off {off} size {size}\n"
    )
}

/// Finds what lies at `off` of `ty` (`btf_struct_walk`).
fn walk<'a>(
    ty: Type<'a>,
    mut off: u32,
    size: u32,
    flags: &mut Flags,
    flex: bool,
) -> Result<Step<'a>, Rejection> {
    let btf = ty.btf();
    let mut ty = ty;
    // Each turn enters a struct inside, or the element of a flexible array.
    for _ in 0..btf.count() {
        ty = btf
            .skip_mods_and_typedefs(ty.id())
            .ok_or(Rule::KernelObjectAccess.with(Errno::EINVAL))?;
        let name = ty.name();
        if !ty.is_composite() {
            reject!(
                KernelObjectAccess,
                Errno::EINVAL,
                "Type '{name}' is not a struct\n"
            );
        }
        if ty.kind() == Kind::Union && ty.vlen() != 1 {
            *flags = flags.with(Flags::UNTRUSTED);
        }
        if off.wrapping_add(size) > ty.size() {
            match flex_element(ty, off).filter(|_| flex) {
                None => return beyond(name, off, size),
                Some((elem, _)) if elem.is_int() => return Ok(Step::Scalar),
                Some((elem, inner)) => {
                    ty = elem;
                    off = inner;
                }
            }
            continue;
        }
        match member_at(ty, off, size, flags)? {
            Found::Inside(inner, at) => {
                ty = inner;
                off = at;
            }
            Found::Step(step) => return Ok(step),
        }
    }
    Err(Rule::KernelObjectAccess.with(Errno::EINVAL).into())
}

/// The element type of the flexible array that ends a struct, and the offset inside the element.
fn flex_element<'a>(ty: Type<'a>, off: u32) -> Option<(Type<'a>, u32)> {
    let btf = ty.btf();
    let last = ty.member((ty.vlen() as usize).checked_sub(1)?)?;
    let array = btf.skip_mods_and_typedefs(last.ty)?.array()?;
    if array.nelems != 0 || off < last.byte_offset() {
        return None;
    }
    let elem = btf.skip_mods_and_typedefs(array.elem)?;
    if elem.is_int() {
        return Some((elem, 0));
    }
    let inner = (off - last.byte_offset()).checked_rem(elem.size())?;
    elem.is_composite().then_some((elem, inner))
}

enum Found<'a> {
    /// It is inside this struct, at this offset.
    Inside(Type<'a>, u32),
    Step(Step<'a>),
}

/// The part of a member that an offset falls into.
struct Part<'a> {
    ty: Type<'a>,
    /// The type as the member (or its array) names it.
    id: TypeId,
    off: u32,
    size: u32,
    /// Where the whole member ends.
    end: u32,
}

fn member_at<'a>(ty: Type<'a>, off: u32, size: u32, flags: &mut Flags) -> Result<Found<'a>, Rejection> {
    let name = ty.name();
    for member in ty.members() {
        let moff = member.byte_offset();
        if off.wrapping_add(size) <= moff {
            break;
        }
        if member.bitfield_size != 0 {
            let end = member.bit_offset.wrapping_add(member.bitfield_size).div_ceil(8);
            // Not "equal": there is no member for an anonymous bitfield in front.
            if off <= moff && end <= off.wrapping_add(size) {
                return Ok(Found::Step(Step::Scalar));
            }
            continue;
        }
        if off < moff {
            break;
        }
        let Some(part) = part_at(ty, member, off)? else {
            continue;
        };
        return in_part(name, member, &part, off, size, flags);
    }
    reject!(
        KernelObjectAccess,
        Errno::EINVAL,
        "struct {name} doesn't have field at offset {}\n",
        off as i32
    )
}

/// The part of `member` at `off`; `None` if the member ends before it.
fn part_at<'a>(ty: Type<'a>, member: Member<'a>, off: u32) -> Result<Option<Part<'a>>, Rejection> {
    let moff = member.byte_offset();
    let Some(resolved) = ty.btf().resolve(member.ty) else {
        reject!(
            KernelObjectAccess,
            Errno::EFAULT,
            "field {} doesn't have size\n",
            member.name()
        );
    };
    let end = moff.wrapping_add(resolved.size);
    if off >= end {
        return Ok(None);
    }
    if !resolved.ty.is_array() {
        let id = resolved.skipped_to.unwrap_or(member.ty);
        return Ok(Some(Part {
            ty: resolved.ty,
            id,
            off: moff,
            size: resolved.size,
            end,
        }));
    }
    // An array of arrays is one array, and its elements are treated as members of their own.
    let size = resolved
        .size
        .checked_div(resolved.nelems)
        .filter(|&size| size != 0);
    let Some(size) = size else { return Ok(None) };
    let index = (off - moff) / size;
    let at = moff.wrapping_add(index.wrapping_mul(size));
    Ok(Some(Part {
        ty: resolved.elem,
        id: resolved.elem_id,
        off: at,
        size,
        end,
    }))
}

fn in_part<'a>(
    name: &str,
    member: Member<'a>,
    part: &Part<'a>,
    off: u32,
    size: u32,
    flags: &mut Flags,
) -> Result<Found<'a>, Rejection> {
    if part.ty.is_composite() {
        if off == part.off {
            return Ok(Found::Step(Step::Struct(part.id)));
        }
        return Ok(Found::Inside(part.ty, off.wrapping_sub(part.off)));
    }
    let field = member.name();
    if part.ty.is_ptr() {
        if part.size != size || off != part.off {
            reject!(
                KernelObjectAccess,
                Errno::EACCES,
                "cannot access ptr member {field} with moff {} in struct {name} with off {off} size {size}\n",
                part.off
            );
        }
        let pointee = part.ty.btf().skip_mods_and_typedefs(part.ty.target());
        if let Some(pointee) = pointee.filter(|ty| ty.is_composite()) {
            *flags = flags.with(tag_flags(part.ty));
            return Ok(Found::Step(Step::Ptr {
                ty: pointee.id(),
                field,
            }));
        }
    }
    if off.wrapping_add(size) > part.end && !flags.has(Flags::UNTRUSTED) {
        reject!(
            KernelObjectAccess,
            Errno::EACCES,
            "access beyond the end of member {field} (mend:{}) in struct {name} with off {off} size {size}\n",
            part.end
        );
    }
    Ok(Found::Step(Step::Scalar))
}

/// What the type tag behind a pointer says of what it points to.
pub(crate) fn tag_flags(ptr: Type<'_>) -> Flags {
    match ptr
        .target_type()
        .filter(|ty| ty.kind() == Kind::TypeTag)
        .map(Type::name)
    {
        Some("user") => Flags::USER,
        Some("percpu") => Flags::PERCPU,
        Some("rcu") => Flags::RCU,
        _ => Flags::NONE,
    }
}
