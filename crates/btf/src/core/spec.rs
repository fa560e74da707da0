//! An access into a type: parsed from a relocation, and matched in a target type.

use super::{Candidate, Context, CoreRelo, Failure, RelocKind, Subject, compat};
use crate::error::errno;
use crate::names::essential_len;
use crate::{Array, Btf, Type, TypeId};

/// Longest access, in steps.
const MAX_LEN: usize = 64;

/// A meaningful step of an access: a named field, or an array's element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accessor<'a> {
    /// The struct that has the field, or the type of the element.
    pub(super) ty: TypeId,
    /// The field among the members, or the element's index.
    pub(super) index: u32,
    /// The field's name (an enumerator's in relocations about one), `None` for an element.
    pub(super) name: Option<&'a [u8]>,
}

/// An access into a type of one BTF.
#[derive(Clone, Debug)]
pub(super) struct Spec<'a> {
    pub(super) btf: &'a Btf,
    /// The type as named, typedefs and all.
    pub(super) root: TypeId,
    pub(super) kind: RelocKind,
    /// The meaningful steps; anonymous structs on the way are left out.
    pub(super) steps: Vec<Accessor<'a>>,
    /// Every step as its index.
    pub(super) raw: Vec<u32>,
    pub(super) bit_offset: u32,
}

/// Bits of `count` elements of `size` bytes, in the wrapping arithmetic of a 32-bit bit offset.
fn bits(count: u32, size: u32) -> u32 {
    count.wrapping_mul(size).wrapping_mul(8)
}

/// Whether an array without length, reached by the step `last`, is a flexible one: the last member of its
/// struct.
fn is_flexible(btf: &Btf, last: Option<&Accessor<'_>>, array: Array) -> bool {
    last.filter(|a| a.name.is_some() && array.nelems == 0)
        .and_then(|a| Some((a.index, btf.ty(a.ty)?.vlen())))
        .is_some_and(|(index, vlen)| vlen.checked_sub(1) == Some(index))
}

impl<'a> Spec<'a> {
    fn empty(btf: &'a Btf, root: TypeId, kind: RelocKind) -> Spec<'a> {
        Spec {
            btf,
            root,
            kind,
            steps: Vec::new(),
            raw: Vec::new(),
            bit_offset: 0,
        }
    }

    /// Parses and checks the access string of a relocation.
    pub(super) fn parse(cx: &mut Context<'_>, btf: &'a Btf, relo: &CoreRelo) -> Result<Self, Failure> {
        let text = btf.name_bytes(relo.access_str_off);
        if text.first().is_none_or(|&c| c == b':') {
            return Err(errno::EINVAL);
        }
        let kind = RelocKind::from_raw(relo.kind);
        let mut spec = Spec::empty(btf, relo.type_id, kind);
        if kind.subject() == Subject::Type {
            return if text == b"0" {
                Ok(spec)
            } else {
                Err(errno::EINVAL)
            };
        }
        spec.raw = parse_indices(text)?;
        let first = *spec.raw.first().ok_or(errno::EINVAL)?;
        let root = btf.skip_mods_and_typedefs(relo.type_id).ok_or(errno::EINVAL)?;
        spec.steps.push(Accessor {
            ty: root.id(),
            index: first,
            name: None,
        });
        match kind.subject() {
            Subject::Enumerator => spec.name_enumerator(root, first)?,
            Subject::Field => {
                let size = btf.size_of(root.id())?;
                spec.bit_offset = bits(first, size);
                spec.follow(cx, root.id(), relo)?;
            }
            Subject::Type | Subject::Unknown => return Err(errno::EINVAL),
        }
        Ok(spec)
    }

    /// Records the name of the enumerator that is meant.
    fn name_enumerator(&mut self, root: Type<'a>, index: u32) -> Result<(), Failure> {
        if !root.is_any_enum() || self.raw.len() > 1 {
            return Err(errno::EINVAL);
        }
        let value = root.enumerators().get(index as usize).ok_or(errno::EINVAL)?;
        if let Some(first) = self.steps.first_mut() {
            first.name = Some(self.btf.name_bytes(value.name_off));
        }
        Ok(())
    }

    /// Follows the indices after the first into members and elements.
    fn follow(&mut self, cx: &mut Context<'_>, root: TypeId, relo: &CoreRelo) -> Result<(), Failure> {
        let mut id = root;
        for at in 1..self.raw.len() {
            let index = self.raw.get(at).copied().unwrap_or_default();
            let ty = self.btf.skip_mods_and_typedefs(id).ok_or(errno::EINVAL)?;
            if ty.is_composite() {
                id = self.enter_member(ty, index)?;
            } else if let Some(array) = ty.array() {
                id = self.enter_element(array, index)?;
            } else {
                // Where the access string belongs libbpf prints what is left of it: nothing.
                cx.warn(format!(
                    "prog '{}': relo for [{}]  (at idx {at}) captures type [{}] of unexpected kind {}",
                    cx.prog,
                    relo.type_id,
                    ty.id(),
                    ty.kind().name()
                ));
                return Err(errno::EINVAL);
            }
        }
        Ok(())
    }

    fn enter_member(&mut self, ty: Type<'a>, index: u32) -> Result<TypeId, Failure> {
        let member = ty.member(index as usize).ok_or(errno::EINVAL)?;
        self.bit_offset = self.bit_offset.wrapping_add(member.bit_offset);
        if member.name_off != 0 {
            let name = self.btf.name_bytes(member.name_off);
            if name.is_empty() {
                return Err(errno::EINVAL);
            }
            self.steps.push(Accessor {
                ty: ty.id(),
                index,
                name: Some(name),
            });
        }
        Ok(member.ty)
    }

    fn enter_element(&mut self, array: Array, index: u32) -> Result<TypeId, Failure> {
        let elem = self
            .btf
            .skip_mods_and_typedefs(array.elem)
            .ok_or(errno::EINVAL)?
            .id();
        if index >= array.nelems && !is_flexible(self.btf, self.steps.last(), array) {
            return Err(errno::EINVAL);
        }
        self.steps.push(Accessor {
            ty: elem,
            index,
            name: None,
        });
        let size = self.btf.size_of(elem)?;
        self.bit_offset = self.bit_offset.wrapping_add(bits(index, size));
        Ok(elem)
    }

    /// The same access in a candidate, `None` if it has none; `index` is the candidate's for messages.
    pub(super) fn matched<'t>(
        &self,
        cx: &mut Context<'_>,
        candidate: Candidate<'t>,
        index: usize,
    ) -> Result<Option<Spec<'t>>, Failure> {
        let mut target = Spec::empty(candidate.btf, candidate.id, self.kind);
        let result = match self.kind.subject() {
            Subject::Type => {
                let (local, other) = ((self.btf, self.root), (candidate.btf, candidate.id));
                if self.kind == RelocKind::TypeMatches {
                    compat::types_match(cx, local, other, false, 32)
                } else {
                    compat::types_are_compatible(cx, local, other, 32)
                }
            }
            Subject::Enumerator => target.match_enumerator(self),
            Subject::Field => target.match_steps(cx, self),
            Subject::Unknown => Err(errno::EINVAL),
        };
        let matches = result.inspect_err(|e| {
            // The trailing space is libbpf's.
            cx.warn_relo(&format!(
                "error matching candidate #{index} {}: {} ",
                target.format(),
                -e
            ));
        })?;
        Ok(matches.then_some(target))
    }

    /// Finds the enumerator of the same essential name.
    fn match_enumerator(&mut self, local: &Spec<'_>) -> Result<bool, Failure> {
        let ty = self.btf.skip_mods_and_typedefs(self.root).ok_or(errno::EINVAL)?;
        let wanted = local.steps.first().and_then(|s| s.name).unwrap_or_default();
        let wanted = wanted.get(..essential_len(wanted));
        let btf = self.btf;
        let found = ty.enumerators().enumerate().find_map(|(index, value)| {
            let name = btf.name_bytes(value.name_off);
            (name.get(..essential_len(name)) == wanted).then_some((index as u32, name))
        });
        let Some((index, name)) = found else {
            return Ok(false);
        };
        self.steps.push(Accessor {
            ty: ty.id(),
            index,
            name: Some(name),
        });
        self.raw.push(index);
        Ok(true)
    }

    /// Finds the members and elements that correspond to the local steps.
    fn match_steps(&mut self, cx: &mut Context<'_>, local: &Spec<'_>) -> Result<bool, Failure> {
        let mut id = self.root;
        for (at, step) in local.steps.iter().enumerate() {
            let ty = self.btf.skip_mods_and_typedefs(id).ok_or(errno::EINVAL)?;
            id = ty.id();
            if step.name.is_some() {
                match self.match_member(cx, local, step, id)? {
                    Some(next) => id = next,
                    None => return Ok(false),
                }
                continue;
            }
            // The first step is over whole values of the root type; later ones are into arrays.
            if at > 0 {
                let Some(array) = ty.array() else {
                    return Ok(false);
                };
                if step.index >= array.nelems && !is_flexible(self.btf, self.steps.last(), array) {
                    return Ok(false);
                }
                id = self
                    .btf
                    .skip_mods_and_typedefs(array.elem)
                    .ok_or(errno::EINVAL)?
                    .id();
            }
            if self.raw.len() == MAX_LEN {
                return Err(errno::E2BIG);
            }
            self.steps.push(Accessor {
                ty: id,
                index: step.index,
                name: None,
            });
            self.raw.push(step.index);
            let size = self.btf.size_of(id)?;
            // libbpf keeps the size in an int here; a negative one passes for an error of that number.
            if size > i32::MAX as u32 {
                return Err((size as i32).wrapping_neg());
            }
            self.bit_offset = self.bit_offset.wrapping_add(bits(step.index, size));
        }
        Ok(true)
    }

    /// Searches struct `id`, and the anonymous structs in it, for the field that `step` names in the local
    /// type. Answers with the field's type.
    fn match_member(
        &mut self,
        cx: &mut Context<'_>,
        local: &Spec<'_>,
        step: &Accessor<'_>,
        id: TypeId,
    ) -> Result<Option<TypeId>, Failure> {
        let ty = self.btf.skip_mods_and_typedefs(id).ok_or(errno::EINVAL)?;
        if !ty.is_composite() {
            return Ok(None);
        }
        for member in ty.members() {
            cx.step()?;
            if self.raw.len() == MAX_LEN {
                return Err(errno::E2BIG);
            }
            self.bit_offset = self.bit_offset.wrapping_add(member.bit_offset);
            self.raw.push(member.index);
            let name = self.btf.name_bytes(member.name_off);
            if name.is_empty() {
                let found = self.match_member(cx, local, step, member.ty)?;
                if found.is_some() {
                    return Ok(found);
                }
            } else if Some(name) == step.name {
                let wanted = local
                    .btf
                    .ty(step.ty)
                    .and_then(|t| t.member(step.index as usize))
                    .ok_or(errno::EINVAL)?;
                let fits = compat::fields_are_compatible(cx, (local.btf, wanted.ty), (self.btf, member.ty))?;
                if fits {
                    self.steps.push(Accessor {
                        ty: ty.id(),
                        index: member.index,
                        name: Some(name),
                    });
                }
                return Ok(fits.then_some(member.ty));
            }
            self.bit_offset = self.bit_offset.wrapping_sub(member.bit_offset);
            self.raw.pop();
        }
        Ok(None)
    }

    /// The access as libbpf prints it.
    pub(super) fn format(&self) -> String {
        let root = self.btf.ty(self.root);
        let kind = root.map_or("unknown", |t| t.kind().name());
        let name = root.map_or("", |t| t.name());
        let name = if name.is_empty() { "<anon>" } else { name };
        let mut out = format!("<{}> [{}] {kind} {name}", self.kind.name(), self.root);
        match self.kind.subject() {
            Subject::Enumerator => self.format_enumerator(&mut out),
            Subject::Field => self.format_field(&mut out),
            Subject::Type | Subject::Unknown => {}
        }
        out
    }

    fn format_enumerator(&self, out: &mut String) {
        let index = self.raw.first().copied().unwrap_or_default();
        let ty = self.btf.skip_mods_and_typedefs(self.root);
        let Some(value) = ty.and_then(|t| t.enumerators().get(index as usize)) else {
            return;
        };
        let signed = ty.is_some_and(|t| t.kflag());
        let number = if signed {
            value.value.to_string()
        } else {
            value.raw.to_string()
        };
        out.push_str(&format!("::{} = {number}", value.name()));
    }

    fn format_field(&self, out: &mut String) {
        for (at, step) in self.steps.iter().enumerate() {
            if let Some(name) = step.name {
                out.push_str(&format!(".{}", String::from_utf8_lossy(name)));
            } else if at > 0 || step.index > 0 {
                out.push_str(&format!("[{}]", step.index));
            }
        }
        let raw = self.raw.iter().map(u32::to_string).collect::<Vec<_>>().join(":");
        let (bytes, bits) = (self.bit_offset / 8, self.bit_offset % 8);
        if bits == 0 {
            out.push_str(&format!(" ({raw} @ offset {bytes})"));
        } else {
            out.push_str(&format!(" ({raw} @ offset {bytes}.{bits})"));
        }
    }
}

/// The indices of an access string, as `sscanf("%d")` reads them one after the other.
fn parse_indices(text: &[u8]) -> Result<Vec<u32>, Failure> {
    let mut rest = text;
    let mut indices = Vec::new();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b':' {
            rest = tail;
        }
        let blank = |c: &u8| matches!(c, b' ' | b'\t'..=b'\r');
        let number = rest
            .iter()
            .position(|c| !blank(c))
            .and_then(|at| rest.get(at..))
            .unwrap_or_default();
        let (negative, digits) = match number.split_first() {
            Some((b'-', digits)) => (true, digits),
            Some((b'+', digits)) => (false, digits),
            _ => (false, number),
        };
        let len = digits.iter().take_while(|c| c.is_ascii_digit()).count();
        let (value, tail) = digits.split_at_checked(len).unwrap_or_default();
        if value.is_empty() {
            return Err(errno::EINVAL);
        }
        let mut index = 0i64;
        for &digit in value {
            index = index.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
        }
        let index = (if negative { index.wrapping_neg() } else { index }) as i32;
        let index = u32::try_from(index).map_err(|_| errno::EINVAL)?;
        if indices.len() == MAX_LEN {
            return Err(errno::E2BIG);
        }
        indices.push(index);
        rest = tail;
    }
    Ok(indices)
}
