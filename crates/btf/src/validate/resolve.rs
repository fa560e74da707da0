//! What types refer to: that it exists, has a size where one is needed, and that no type contains itself.
//!
//! Resolving walks depth-first with a small stack. From where a walk starts depends how far it goes: from a
//! pointer it ends at structs and arrays, and from those it ends at pointers, since a pointer back to the
//! struct that has it is no loop.

use super::Check;
use super::env::Env;
use super::member;
use super::raw::Raw;
use crate::Kind;
use crate::error::errno;

/// Deepest chain of references that is resolved at once.
const MAX_DEPTH: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Not,
    Open,
    Resolved,
}

/// Where a walk may end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Only at types that need no resolving.
    Undecided,
    /// Begun at a pointer.
    Pointer,
    /// Begun at a struct, union or array.
    Aggregate,
}

/// A type that is being resolved.
#[derive(Clone, Copy)]
struct Vertex<'a> {
    ty: Raw<'a>,
    id: u32,
    /// The member or variable to go on with.
    next: u32,
}

/// What was found out so far.
pub(super) struct Resolver {
    visits: Vec<Visit>,
    /// What each type resolves to.
    ids: Vec<u32>,
    /// Size of each array.
    sizes: Vec<u32>,
}

/// A walk in progress.
struct Walk<'a> {
    stack: Vec<Vertex<'a>>,
    mode: Mode,
}

/// Resolves all types and checks all prototypes.
pub(super) fn check_all(env: &mut Env<'_>) -> Check {
    let count = env.count() as usize;
    let mut resolver = Resolver {
        visits: vec![Visit::Not; count],
        ids: vec![0; count],
        sizes: vec![0; count],
    };
    env.printed = true;
    for id in 1..env.count() {
        let ty = env.ty(id).ok_or(errno::EINVAL)?;
        env.current = id;
        if ty.needs_resolve() && !resolver.is_resolved(id) {
            resolver.resolve(env, ty, id)?;
        }
        if ty.kind() == Kind::FuncProto {
            resolver.func_proto(env, ty)?;
        }
    }
    Ok(())
}

impl Resolver {
    fn is_resolved(&self, id: u32) -> bool {
        self.visits.get(id as usize) == Some(&Visit::Resolved)
    }

    fn resolved_id(&self, id: u32) -> u32 {
        self.ids.get(id as usize).copied().unwrap_or(0)
    }

    fn resolved_size(&self, id: u32) -> u32 {
        self.sizes.get(id as usize).copied().unwrap_or(0)
    }

    /// The type behind modifiers and its size, `None` if it has none.
    pub(super) fn id_size(&self, env: &Env<'_>, id: u32) -> Option<(u32, u32)> {
        let size_of = |id: u32, ty: Raw<'_>| match ty.kind() {
            kind if kind.has_size() => Some(ty.aux),
            Kind::Array => Some(self.resolved_size(id)),
            Kind::Ptr => Some(crate::query::POINTER_SIZE),
            _ => None,
        };
        let ty = env.ty(id).filter(|t| !t.has_no_size())?;
        if let Some(size) = size_of(id, ty) {
            return Some((id, size));
        }
        let id = self.resolved_id(id);
        let ty = env.ty(id).filter(|t| !t.has_no_size())?;
        size_of(id, ty).map(|size| (id, size))
    }

    /// Resolves a type and all that it needs.
    fn resolve(&mut self, env: &mut Env<'_>, ty: Raw<'_>, id: u32) -> Check {
        let before = env.current;
        let result = self.walk(env, id);
        env.current = id;
        match result {
            Err(errno::E2BIG) => {
                env.say_type(ty, &format!("Exceeded max resolving depth:{MAX_DEPTH}"));
            }
            Err(errno::EEXIST) => env.say_type(ty, "Loop detected"),
            Ok(()) if !self.is_sound(env, ty, id) => return env.bad_type(ty, "Invalid resolve state"),
            _ => {}
        }
        env.current = before;
        result
    }

    fn walk(&mut self, env: &mut Env<'_>, id: u32) -> Check {
        let mut walk = Walk {
            stack: Vec::new(),
            mode: Mode::Undecided,
        };
        // A first push cannot fail: the type is not visited yet.
        self.push(env, &mut walk, id)?;
        while let Some(&vertex) = walk.stack.last() {
            env.current = vertex.id;
            self.step(env, &mut walk, vertex)?;
        }
        Ok(())
    }

    fn push<'a>(&mut self, env: &Env<'a>, walk: &mut Walk<'a>, id: u32) -> Check {
        if walk.stack.len() == MAX_DEPTH {
            return Err(errno::E2BIG);
        }
        let visit = self.visits.get_mut(id as usize).ok_or(errno::EINVAL)?;
        if *visit != Visit::Not {
            return Err(errno::EEXIST);
        }
        *visit = Visit::Open;
        let ty = env.ty(id).ok_or(errno::EINVAL)?;
        if walk.mode == Mode::Undecided {
            match ty.kind() {
                Kind::Ptr => walk.mode = Mode::Pointer,
                Kind::Struct | Kind::Union | Kind::Array => walk.mode = Mode::Aggregate,
                _ => {}
            }
        }
        walk.stack.push(Vertex { ty, id, next: 0 });
        Ok(())
    }

    /// Ends the work on the topmost type: it resolves to `to`; `size` is an array's.
    fn pop(&mut self, walk: &mut Walk<'_>, to: u32, size: u32) -> Check {
        let id = walk.stack.pop().map_or(0, |v| v.id) as usize;
        if let (Some(i), Some(s), Some(v)) = (
            self.ids.get_mut(id),
            self.sizes.get_mut(id),
            self.visits.get_mut(id),
        ) {
            (*i, *s, *v) = (to, size, Visit::Resolved);
        }
        Ok(())
    }

    /// Whether a walk may end at a type.
    fn is_sink(walk: &Walk<'_>, ty: Raw<'_>) -> bool {
        match walk.mode {
            Mode::Undecided => !ty.needs_resolve(),
            Mode::Pointer => !ty.is_modifier() && ty.kind() != Kind::Ptr,
            Mode::Aggregate => !ty.is_modifier() && ty.kind() != Kind::Array && !ty.is_composite(),
        }
    }

    /// Whether a type is to be resolved before the one that refers to it.
    fn is_pending(&self, walk: &Walk<'_>, ty: Raw<'_>, id: u32) -> bool {
        !Self::is_sink(walk, ty) && !self.is_resolved(id)
    }

    fn step<'a>(&mut self, env: &mut Env<'a>, walk: &mut Walk<'a>, vertex: Vertex<'a>) -> Check {
        let ty = vertex.ty;
        match ty.kind() {
            Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                self.reference(env, walk, ty, false)
            }
            Kind::Ptr => self.reference(env, walk, ty, true),
            Kind::Var => self.var(env, walk, ty),
            Kind::Array => self.array(env, walk, ty),
            Kind::Struct | Kind::Union => self.composite(env, walk, vertex),
            Kind::DataSec => self.datasec(env, walk, vertex),
            Kind::Func => self.func(env, walk, ty),
            Kind::DeclTag => self.decl_tag(env, walk, ty),
            Kind::Int
            | Kind::Enum
            | Kind::Enum64
            | Kind::Fwd
            | Kind::FuncProto
            | Kind::Float
            | Kind::Void => {
                env.say_basic(ty, "Unsupported resolve");
                Err(errno::EINVAL)
            }
        }
    }

    /// What a modifier, pointer or variable refers to, if it may be referred to.
    fn target<'a>(env: &mut Env<'a>, ty: Raw<'_>) -> Check<Raw<'a>> {
        match env.ty(ty.aux).filter(|t| !t.is_source_only()) {
            Some(next) => Ok(next),
            None => env.bad_type(ty, "Invalid type_id"),
        }
    }

    /// The pointer that a resolved modifier stopped at, if it is to be resolved now: the modifier may have
    /// been resolved in a walk that ends at pointers.
    fn pointer_behind(&self, env: &Env<'_>, walk: &Walk<'_>, next: Raw<'_>, next_id: u32) -> Option<u32> {
        let id = self.resolved_id(next_id);
        let ptr = env
            .ty(id)
            .filter(|t| next.is_modifier() && t.kind() == Kind::Ptr)?;
        self.is_pending(walk, ptr, id).then_some(id)
    }

    fn reference<'a>(&mut self, env: &mut Env<'a>, walk: &mut Walk<'a>, ty: Raw<'a>, is_ptr: bool) -> Check {
        let mut next = Self::target(env, ty)?;
        let mut next_id = ty.aux;
        if self.is_pending(walk, next, next_id) {
            return self.push(env, walk, next_id);
        }
        if let Some(id) = self.pointer_behind(env, walk, next, next_id).filter(|_| is_ptr) {
            return self.push(env, walk, id);
        }
        match self.id_size(env, next_id) {
            Some((id, _)) => next_id = id,
            None => {
                if self.is_resolved(next_id) {
                    next_id = self.resolved_id(next_id);
                    next = env.ty(next_id).ok_or(errno::EINVAL)?;
                }
                // These need no size where they are only named or pointed to.
                if !matches!(next.kind(), Kind::Void | Kind::Fwd | Kind::FuncProto) {
                    return env.bad_type(ty, "Invalid type_id");
                }
            }
        }
        self.pop(walk, next_id, 0)
    }

    fn var<'a>(&mut self, env: &mut Env<'a>, walk: &mut Walk<'a>, ty: Raw<'a>) -> Check {
        let next = Self::target(env, ty)?;
        if self.is_pending(walk, next, ty.aux) {
            return self.push(env, walk, ty.aux);
        }
        if let Some(id) = self.pointer_behind(env, walk, next, ty.aux) {
            return self.push(env, walk, id);
        }
        match self.id_size(env, ty.aux) {
            Some((id, _)) => self.pop(walk, id, 0),
            None => env.bad_type(ty, "Invalid type_id"),
        }
    }

    /// What an array refers to, if arrays may be of it.
    fn part<'a>(env: &mut Env<'a>, ty: Raw<'_>, id: u32, what: &str) -> Check<Raw<'a>> {
        match env.ty(id).filter(|t| !t.has_no_size() && !t.is_source_only()) {
            Some(part) => Ok(part),
            None => env.bad_type(ty, what),
        }
    }

    fn array<'a>(&mut self, env: &mut Env<'a>, walk: &mut Walk<'a>, ty: Raw<'a>) -> Check {
        let (elem_id, index_id, nelems) = ty.array();
        let index = Self::part(env, ty, index_id, "Invalid index")?;
        if self.is_pending(walk, index, index_id) {
            return self.push(env, walk, index_id);
        }
        let index = self.id_size(env, index_id).and_then(|(id, _)| env.ty(id));
        if !index.is_some_and(|t| t.kind() == Kind::Int && t.is_regular_int()) {
            return env.bad_type(ty, "Invalid index");
        }
        let elem = Self::part(env, ty, elem_id, "Invalid elem")?;
        if self.is_pending(walk, elem, elem_id) {
            return self.push(env, walk, elem_id);
        }
        let Some((elem_id, elem_size)) = self.id_size(env, elem_id) else {
            return env.bad_type(ty, "Invalid elem");
        };
        if env
            .ty(elem_id)
            .is_some_and(|t| t.kind() == Kind::Int && !t.is_regular_int())
        {
            return env.bad_type(ty, "Invalid array of int");
        }
        let Some(size) = elem_size.checked_mul(nelems) else {
            return env.bad_type(ty, "Array size overflows U32_MAX");
        };
        self.pop(walk, elem_id, size)
    }

    fn composite<'a>(&mut self, env: &mut Env<'a>, walk: &mut Walk<'a>, vertex: Vertex<'a>) -> Check {
        let ty = vertex.ty;
        // The member that was waited for is resolved now, but not checked yet.
        if let Some(last) = vertex.next.checked_sub(1) {
            let last = ty.member(last);
            if !self.is_resolved(last.ty) {
                return Err(errno::EINVAL);
            }
            member::check(env, self, ty, last)?;
        }
        for index in vertex.next..ty.vlen() {
            let part = ty.member(index);
            let part_ty = env
                .ty(part.ty)
                .filter(|t| !t.has_no_size() && !t.is_source_only());
            let Some(part_ty) = part_ty else {
                return env.bad_member(ty, part, "Invalid member");
            };
            if self.is_pending(walk, part_ty, part.ty) {
                return self.wait(env, walk, index + 1, part.ty);
            }
            member::check(env, self, ty, part)?;
        }
        self.pop(walk, 0, 0)
    }

    /// Resolves a part first; the whole goes on with part `next`.
    fn wait<'a>(&mut self, env: &Env<'a>, walk: &mut Walk<'a>, next: u32, part: u32) -> Check {
        if let Some(top) = walk.stack.last_mut() {
            top.next = next;
        }
        self.push(env, walk, part)
    }

    fn datasec<'a>(&mut self, env: &mut Env<'a>, walk: &mut Walk<'a>, vertex: Vertex<'a>) -> Check {
        walk.mode = Mode::Undecided;
        let ty = vertex.ty;
        for index in vertex.next..ty.vlen() {
            let part = ty.var(index);
            let Some(var) = env.ty(part.ty).filter(|t| t.kind() == Kind::Var) else {
                return env.bad_var(ty, part, "Not a VAR kind member");
            };
            if self.is_pending(walk, var, part.ty) {
                return self.wait(env, walk, index + 1, part.ty);
            }
            let Some((_, size)) = self.id_size(env, var.aux) else {
                return env.bad_var(ty, part, "Invalid type");
            };
            if part.size < size {
                return env.bad_var(ty, part, "Invalid size");
            }
        }
        self.pop(walk, 0, 0)
    }

    fn func<'a>(&mut self, env: &mut Env<'a>, walk: &mut Walk<'a>, ty: Raw<'a>) -> Check {
        let Some(proto) = env.ty(ty.aux).filter(|t| t.kind() == Kind::FuncProto) else {
            return env.bad_type(ty, "Invalid type_id");
        };
        for index in 0..proto.vlen() {
            let (name, part) = proto.param(index);
            if name == 0 && part != 0 {
                return env.bad_type(ty, &format!("Invalid arg#{}", index + 1));
            }
        }
        self.pop(walk, ty.aux, 0)
    }

    fn decl_tag<'a>(&mut self, env: &mut Env<'a>, walk: &mut Walk<'a>, ty: Raw<'a>) -> Check {
        let may_have_tags = |t: &Raw<'_>| {
            matches!(
                t.kind(),
                Kind::Func | Kind::Struct | Kind::Union | Kind::Var | Kind::Typedef
            )
        };
        let Some(on) = env.ty(ty.aux).filter(may_have_tags) else {
            return env.bad_type(ty, "Invalid type_id");
        };
        if self.is_pending(walk, on, ty.aux) {
            return self.push(env, walk, ty.aux);
        }
        let component = ty.data();
        if component as i32 != -1 {
            let parts = match on.kind() {
                Kind::Struct | Kind::Union => on.vlen(),
                Kind::Func => env.ty(on.aux).map_or(0, |proto| proto.vlen()),
                _ => 0,
            };
            if component >= parts {
                return env.bad_type(ty, "Invalid component_idx");
            }
        }
        self.pop(walk, ty.aux, 0)
    }

    /// Whether what was found out about a type is consistent.
    fn is_sound(&self, env: &Env<'_>, ty: Raw<'_>, id: u32) -> bool {
        let (to, size) = (self.resolved_id(id), self.resolved_size(id));
        if !self.is_resolved(id) {
            return false;
        }
        match ty.kind() {
            Kind::Struct | Kind::Union | Kind::DataSec => to == 0 && size == 0,
            Kind::DeclTag | Kind::Func => to != 0 && size == 0,
            Kind::Array => {
                let (elem, _, nelems) = ty.array();
                self.id_size(env, elem).is_some_and(|(elem, elem_size)| {
                    env.ty(elem).is_some_and(|t| !t.is_modifier()) && nelems.wrapping_mul(elem_size) == size
                })
            }
            _ => env
                .ty(to)
                .is_some_and(|t| !t.is_modifier() && !matches!(t.kind(), Kind::Var | Kind::DataSec)),
        }
    }

    /// Checks what a prototype refers to.
    fn func_proto(&mut self, env: &mut Env<'_>, ty: Raw<'_>) -> Check {
        if ty.aux != 0 {
            self.value(env, ty, ty.aux, "Invalid return type")?;
        }
        let mut count = ty.vlen();
        if let Some(last) = count.checked_sub(1) {
            let (name, part) = ty.param(last);
            if part == 0 {
                if name != 0 {
                    return env.bad_type(ty, &format!("Invalid arg#{count}"));
                }
                count = last;
            }
        }
        for index in 0..count {
            let (name, part) = ty.param(index);
            let what = format!("Invalid arg#{}", index + 1);
            if name != 0 && !(env.name_off_valid(name) && env.is_identifier(name)) {
                return env.bad_type(ty, &what);
            }
            self.value(env, ty, part, &what)?;
        }
        Ok(())
    }

    /// Checks a type whose values are passed or returned.
    fn value(&mut self, env: &mut Env<'_>, proto: Raw<'_>, id: u32, what: &str) -> Check {
        let Some(ty) = env.ty(id).filter(|t| !t.is_source_only()) else {
            return env.bad_type(proto, what);
        };
        if ty.needs_resolve() && !self.is_resolved(id) {
            self.resolve(env, ty, id)?;
        }
        match self.id_size(env, id) {
            Some(_) => Ok(()),
            None => env.bad_type(proto, what),
        }
    }
}
