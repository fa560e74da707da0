//! Arrays in values of maps and in global data: how many elements they have, and which one is accessed.

use verdict_btf::{Btf, Type, TypeId};
use verdict_domain::AluOp;
use verdict_engine::state::Reg;
use verdict_isa::{Alu, Operand};
use verdict_kernel::types::RegBase;
use verdict_report::explanation::{Cause, CauseKind};

use crate::case::{Case, Draft};
use crate::recorder::Place;
use crate::trace::{Origin, Path};
use crate::words;

/// Most types that are looked through for an array's name.
const MAX_TYPES: usize = 256;

/// An array by its name in the source.
pub(crate) struct Array {
    /// Its name.
    pub(super) name: String,
    /// Its subscript in the source.
    pub(super) index: String,
    /// How many elements it has.
    pub(super) elements: u32,
    /// How many bytes each has.
    size: u32,
    /// Where it begins in its object.
    start: u32,
}

impl Array {
    /// The element at an offset in the object.
    pub(super) fn element(&self, offset: i64) -> Option<i64> {
        let within = offset.checked_sub(i64::from(self.start))?;
        within.checked_div_euclid(i64::from(self.size.max(1)))
    }
}

/// The array that an instruction accesses an element of, by the subscript in its line.
pub(super) fn accessed(path: &Path<'_>, insn: u32, pointer: &Reg) -> Option<Array> {
    if pointer.ty.base() != RegBase::MapValue {
        return None;
    }
    let spot = path.code.spot(insn)?;
    let (before, index) = spot.subscripts().next()?;
    let name = before.rsplit(['>', '.', ' ', '&', '*', '(']).next()?;
    let map = path.rec.maps.get(pointer.map().0 as usize)?;
    let described = map.btf.as_ref()?;
    let btf = &described.btf;
    let (start, found) = find(btf, map.value_type?, name)?;
    let array = found.array()?;
    let size = btf.resolve_size(array.elem)?;
    (!name.is_empty() && array.nelems > 0).then(|| Array {
        name: name.to_owned(),
        index: index.to_owned(),
        elements: array.nelems,
        size,
        start,
    })
}

/// An array of that name in a type: a member, or a variable of a section.
fn find<'b>(btf: &'b Btf, ty: TypeId, name: &str) -> Option<(u32, Type<'b>)> {
    let mut open = vec![(0u32, ty)];
    for _ in 0..MAX_TYPES {
        let (start, ty) = open.pop()?;
        let Some(ty) = btf.skip_mods_and_typedefs(ty) else {
            continue;
        };
        for var in ty.vars() {
            let Some(of) = btf.ty(var.ty) else { continue };
            let target = btf.skip_mods_and_typedefs(of.target());
            match target.filter(|target| of.name() == name && target.array().is_some()) {
                Some(array) => return Some((var.offset, array)),
                None => open.push((var.offset, of.target())),
            }
        }
        if !ty.is_composite() {
            continue;
        }
        for member in ty.members() {
            let start = start.saturating_add(member.byte_offset());
            let target = btf.skip_mods_and_typedefs(member.ty);
            match target.filter(|target| member.name() == name && target.array().is_some()) {
                Some(array) => return Some((start, array)),
                None => open.push((start, member.ty)),
            }
        }
    }
    None
}

/// Says how many elements an array has, and which one is accessed. Gives it.
pub(crate) fn tell(case: &Case<'_>, draft: &mut Draft, pointer: &Reg, offset: Option<i64>) -> Option<Array> {
    let path = &case.path;
    let array = accessed(path, path.insn(path.rec.end())?, pointer)?;
    let last = i64::from(array.elements) - 1;
    let now = offset
        .and_then(|offset| array.element(offset))
        .map(|element| format!("; here it is element {element}"))
        .unwrap_or_default();
    draft.note(format!(
        "`{}` has {}, 0 to {last}{now}",
        array.name,
        words::count(i64::from(array.elements), "element")
    ));
    Some(array)
}

/// Where a constant comes from that the turns of a loop have counted up, and which condition lets them.
pub(super) fn counted(path: &Path<'_>, place: Place, step: usize) -> Vec<Cause> {
    let mut found = Vec::new();
    let Some((at, insn)) = stepping(path, place, step) else {
        return found;
    };
    let turns = (0..=at).filter(|step| path.insn(*step) == Some(insn)).count();
    if turns < 2 {
        return found;
    }
    let name = path.named_at(insn).filter(|name| words::is_variable(name));
    let shown = name
        .as_ref()
        .map_or_else(|| place.name(), |name| format!("`{name}`"));
    found.push(Cause {
        kind: CauseKind::Step,
        site: path.code.site(insn),
        place: Some(place.name()),
        variable: name,
        words: format!("moves {shown} on every turn of the loop, of which there were {turns} on this path"),
        before: None,
        after: None,
    });
    // The condition that was passed as often.
    let mut conditions: Vec<(usize, u32)> = Vec::new();
    for (step, ..) in path.branches(0, step) {
        let Some(insn) = path.insn(step) else { continue };
        match conditions.iter_mut().find(|(_, known)| *known == insn) {
            Some((count, _)) => *count += 1,
            None => conditions.push((1, insn)),
        }
    }
    let compares_constant = |insn: u32| {
        path.code.spot(insn).is_some_and(|spot| {
            spot.compared().is_some() || spot.expression().is_some_and(|text| text.contains('<'))
        })
    };
    let lets = conditions
        .iter()
        .filter(|(count, insn)| *count + 1 >= turns && compares_constant(*insn))
        .max_by_key(|(count, _)| *count);
    if let Some((_, insn)) = lets {
        found.push(Cause {
            kind: CauseKind::Check,
            site: path.code.site(*insn),
            place: None,
            variable: None,
            words: format!("lets the loop go on after {turns} turns"),
            before: None,
            after: None,
        });
    }
    found
}

/// The addition of a constant that a value comes from, and that was executed more than once.
fn stepping(path: &Path<'_>, place: Place, step: usize) -> Option<(usize, u32)> {
    let (mut place, mut step) = (place, step);
    for _ in 0..32 {
        let root = path.deep_root(place, step)?;
        let Origin::Computed(Alu::Binary { op, dst, src, .. }) = root.origin else {
            return None;
        };
        let at = root.write.step;
        let insn = path.insn(at)?;
        let frame = path.rec.step(at)?.frame;
        let again = path
            .rec
            .steps
            .iter()
            .filter(|step| step.insn == Some(insn))
            .count()
            > 1;
        if again && matches!((op, src), (AluOp::Add | AluOp::Sub, Operand::Imm(_))) {
            return Some((at, insn));
        }
        // Of a pointer and a number, the number.
        let number = |reg: u8| {
            let place = Place::reg(frame, reg);
            path.rec
                .value(place, at)
                .is_some_and(Reg::is_scalar)
                .then_some(place)
        };
        place = src.reg().and_then(number).unwrap_or(Place::reg(frame, dst));
        step = at;
    }
    None
}
