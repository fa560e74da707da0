//! A part of some BTF: the types that are named, and those that they are made of.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Builder;
use crate::ty::word;
use crate::{Btf, Kind, TypeId};

/// Bytes of a type without what follows for its kind.
const HEAD: usize = 12;

/// The places of numbers of types in a type's bytes.
fn places(kind: Kind, vlen: usize, len: usize) -> Vec<usize> {
    let each = |first: usize, step: usize| (0..vlen).map(move |i| HEAD + first + i * step);
    let mut found = match kind {
        Kind::Ptr
        | Kind::Typedef
        | Kind::Const
        | Kind::Volatile
        | Kind::Restrict
        | Kind::Func
        | Kind::Var
        | Kind::TypeTag
        | Kind::DeclTag => vec![8],
        Kind::Array => vec![HEAD, HEAD + 4],
        Kind::Struct | Kind::Union => each(4, 12).collect(),
        Kind::FuncProto => std::iter::once(8).chain(each(4, 8)).collect(),
        Kind::DataSec => each(0, 12).collect(),
        _ => Vec::new(),
    };
    found.retain(|place| place + 4 <= len);
    found
}

/// Some BTF, of which parts are wanted.
#[derive(Clone, Debug)]
pub struct Parts {
    whole: Builder,
    /// Declaration tags by what they are on.
    tags: BTreeMap<TypeId, Vec<TypeId>>,
}

impl Parts {
    /// Those of `btf`.
    pub fn of(btf: &Btf) -> Parts {
        let mut tags = BTreeMap::<TypeId, Vec<TypeId>>::new();
        for tag in btf.types().filter(|ty| ty.kind() == Kind::DeclTag) {
            tags.entry(tag.target()).or_default().push(tag.id());
        }
        let whole = Builder {
            interned: HashMap::new(),
            ..Builder::from_btf(btf)
        };
        Parts { whole, tags }
    }

    /// The part that `roots` need, in their order from number 1 on, and behind them what they are made of, with the
    /// declaration tags of all of that; and the new number of each type.
    pub fn part(&self, roots: &[TypeId]) -> (Builder, BTreeMap<TypeId, TypeId>) {
        let Parts { whole, tags } = self;
        let mut part = Builder {
            base: whole.base.clone(),
            start_id: whole.start_id,
            start_str_off: whole.start_str_off,
            types: Vec::new(),
            offsets: Vec::new(),
            strings: whole.strings.clone(),
            interned: HashMap::new(),
        };
        let mut numbers = BTreeMap::from([(TypeId::VOID, TypeId::VOID)]);
        let mut order = Vec::new();
        let mut pending: VecDeque<TypeId> = roots.iter().copied().collect();
        while let Some(id) = pending.pop_front() {
            let Some(bytes) = whole.bytes(id).filter(|_| !numbers.contains_key(&id)) else {
                continue;
            };
            numbers.insert(id, TypeId(part.start_id + order.len() as u32));
            order.push(id);
            if let Some(kind) = whole.kind(id) {
                let vlen = (word(bytes, 4) & 0xffff) as usize;
                pending.extend(
                    places(kind, vlen, bytes.len())
                        .into_iter()
                        .map(|at| TypeId(word(bytes, at))),
                );
            }
            pending.extend(tags.get(&id).into_iter().flatten().copied());
        }
        for id in order {
            let (Some(bytes), Some(kind)) = (whole.bytes(id), whole.kind(id)) else {
                continue;
            };
            let mut bytes = bytes.to_vec();
            let vlen = (word(&bytes, 4) & 0xffff) as usize;
            for at in places(kind, vlen, bytes.len()) {
                let number = numbers
                    .get(&TypeId(word(&bytes, at)))
                    .copied()
                    .unwrap_or(TypeId::VOID);
                if let Some(slot) = bytes.get_mut(at..at + 4) {
                    slot.copy_from_slice(&number.0.to_le_bytes());
                }
            }
            part.offsets.push(part.types.len());
            part.types.extend_from_slice(&bytes);
        }
        (part, numbers)
    }
}

impl Builder {
    /// The bytes of one of its own types.
    fn bytes(&self, id: TypeId) -> Option<&[u8]> {
        let index = id.0.checked_sub(self.start_id)? as usize;
        let start = *self.offsets.get(index)?;
        let end = self.offsets.get(index + 1).copied().unwrap_or(self.types.len());
        self.types.get(start..end)
    }
}

#[cfg(test)]
mod tests {
    use crate::{FuncLinkage, IntEncoding};

    use super::*;

    #[test]
    fn a_part_has_what_its_roots_need() {
        let mut all = Builder::new();
        let int = all.add_int("int", 4, IntEncoding::SIGNED);
        all.add_struct("unused", 4, &[("x", int, 0)]);
        let used = all.add_struct("used", 4, &[("y", int, 0)]);
        let pointer = all.add_ptr(used);
        let proto = all.add_func_proto(int, &[("p", pointer)]);
        let func = all.add_func("f", FuncLinkage::Global, proto);
        all.add_decl_tag("tag", used, Some(0));
        let whole = all.build().unwrap();
        let (part, numbers) = Parts::of(&whole).part(&[func, used]);
        let part = part.build().unwrap();
        assert_eq!((numbers[&func], numbers[&used]), (TypeId(1), TypeId(2)));
        assert_eq!(part.find("unused", Kind::Struct), None);
        let f = part.ty(TypeId(1)).unwrap();
        assert_eq!(f.name(), "f");
        let parameter = f.proto().unwrap().params().next().unwrap();
        let target = part.ty(parameter.ty).unwrap().target();
        assert_eq!(target, TypeId(2));
        let tag = part.types().find(|ty| ty.kind() == Kind::DeclTag).unwrap();
        assert_eq!((tag.name(), tag.target()), ("tag", TypeId(2)));
    }
}
