//! Tags: `btf_decl_tag` on declarations and their parts, `btf_type_tag` on what pointers point to.

use std::collections::BTreeMap;

use crate::{Btf, Kind, Type, TypeId};

/// What a declaration tag is on: the whole of a type, or one member or parameter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TagTarget {
    /// The struct, union, variable, function or typedef.
    pub ty: TypeId,
    /// Member or parameter; `None` for the whole.
    pub component: Option<u32>,
}

/// The declaration tags of a BTF by what they are on, in order of their numbers.
pub(crate) type TagIndex = BTreeMap<TagTarget, Vec<TypeId>>;

pub(crate) fn build_index(btf: &Btf) -> TagIndex {
    let mut index = TagIndex::new();
    for tag in btf.types().filter(|t| t.kind() == Kind::DeclTag) {
        let on = TagTarget {
            ty: tag.target(),
            component: tag.component(),
        };
        index.entry(on).or_default().push(tag.id());
    }
    index
}

impl Btf {
    /// The declaration tags on `ty` (`component` `None`) or on its member or parameter `component`, in order of
    /// their numbers.
    pub fn decl_tags(&self, ty: TypeId, component: Option<u32>) -> impl Iterator<Item = &str> {
        self.decl_tag_ids(ty, component)
            .iter()
            .map(|&id| self.type_name(id))
    }

    /// As [`Btf::decl_tags`], the tags' own types.
    pub(crate) fn decl_tag_ids(&self, ty: TypeId, component: Option<u32>) -> &[TypeId] {
        self.tag_index()
            .get(&TagTarget { ty, component })
            .map_or(&[], |v| v)
    }

    /// What follows `prefix` in the tag on `ty`'s `component` that begins with it: the kernel's
    /// `btf_find_decl_tag_value`.
    ///
    /// # Errors
    /// [`TagError::Missing`] (`-ENOENT`) and [`TagError::Duplicate`] (`-EEXIST`).
    pub fn decl_tag_value(&self, ty: TypeId, component: Option<u32>, prefix: &str) -> Result<&str, TagError> {
        let mut values = self
            .decl_tags(ty, component)
            .filter_map(|tag| tag.strip_prefix(prefix));
        let first = values.next().ok_or(TagError::Missing)?;
        match values.next() {
            Some(_) => Err(TagError::Duplicate),
            None => Ok(first),
        }
    }

    /// The type tag that a pointer's target begins with (`"user"`, `"percpu"`, `"rcu"`…): only the first
    /// one counts for the kernel.
    pub fn pointer_tag<'a>(&'a self, ptr: Type<'a>) -> Option<&'a str> {
        let target = self.ty(ptr.target()).filter(|_| ptr.is_ptr())?;
        (target.kind() == Kind::TypeTag).then(|| target.name())
    }
}

/// Why there is no single tag with a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagError {
    /// None: `-ENOENT`.
    Missing,
    /// More than one: `-EEXIST`.
    Duplicate,
}
